import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { before, test } from 'node:test';
import { XdpkitError } from '../errors/error.js';
import { pinRoot } from '../kernel/pin.js';
import { listNetns } from '../linux/named-netns.js';
import { changeDevice, deleteDevice } from '../linux/netlink/route/link.js';
import { execInHost, labDown, labUp, listLabs, openLab, sweepLabs } from './index.js';
import { randomLabName } from './lab-name.js';

before(() => {
  sweepLabs();
});

const hasCode = (code: string, words = /./) => {
  return (error: unknown) =>
    error instanceof XdpkitError && error.code === code && words.test(`${error.message} ${error.hint}`);
};
const shell = (command: string): string => execFileSync('sh', ['-c', command], { encoding: 'utf8' });
const netnsOf = (name: string): string[] => listNetns().filter((each) => each.startsWith(`${name}-`));
const stateFile = (name: string): string => `/run/xdpkit/labs/${name}.json`;

/** Every trace that a lab of this name could leave. */
function assertNothingLeft(name: string, cookies: readonly bigint[] = []): void {
  assert.deepEqual(netnsOf(name), []);
  assert.equal(existsSync(stateFile(name)), false);
  assert.equal(
    listLabs().some((lab) => lab.name === name),
    false,
  );
  assert.equal(shell('ip netns list').includes(name), false);
  assert.equal(readFileSync('/proc/self/mountinfo', 'utf8').includes(`/netns/${name}-`), false);
  for (const cookie of cookies) assert.equal(existsSync(`${pinRoot}/netns-${cookie}`), false);
}

test('ip sees the lab as it was asked for, and its ping crosses it at once in both versions', () => {
  const devicesBefore = shell('ip -o link | cut -d: -f2');
  using lab = labUp({ temporary: true, mtu: 1400 });
  const ownNamespace = readlinkSync('/proc/self/ns/net');
  for (const host of Object.values(lab.hosts)) {
    const other = host === lab.hosts.left ? lab.hosts.right : lab.hosts.left;
    for (const address of [other.ipv4, other.ipv6]) {
      assert.match(shell(`ip netns exec ${host.name} ping -c 1 -W 1 ${address}`), / 0% packet loss/);
    }
    const [device] = JSON.parse(shell(`ip -n ${host.name} -j addr show ${host.device}`)) as {
      ifindex: number;
      mtu: number;
      operstate: string;
      address: string;
      addr_info: { local: string; prefixlen: number; tentative?: boolean; scope: string }[];
    }[];
    assert.deepEqual(
      [device?.ifindex, device?.mtu, device?.operstate, device?.address],
      [host.ifindex, 1400, 'UP', host.mac],
    );
    const globals = device?.addr_info.filter(({ scope }) => scope === 'global');
    assert.deepEqual(
      globals?.map(({ local, prefixlen }) => `${local}/${prefixlen}`),
      [`${host.ipv4}/24`, `${host.ipv6}/64`],
    );
    assert.equal(device?.addr_info.length, 3);
    assert.ok(device?.addr_info.every(({ tentative }) => !tentative));
    assert.notEqual(`net:[${host.netns.inode}]`, ownNamespace);
  }
  assert.equal(lab.hosts.left.ipv4, '10.11.1.1');
  assert.equal(lab.hosts.right.ipv6, 'fc00:dead:cafe:1::2');
  assert.equal(shell('ip -o link | cut -d: -f2'), devicesBefore);
});

test('labs stand side by side with the same addresses, and each goes alone', () => {
  const [one, other] = [labUp({ temporary: true }), labUp({ temporary: true })];
  assert.equal(one.hosts.left.ipv4, other.hosts.left.ipv4);
  one[Symbol.dispose]();
  assertNothingLeft(one.name);
  assert.match(shell(`ip netns exec ${other.hosts.left.name} ping -c 1 -W 1 10.11.1.2`), / 0% packet loss/);
  other[Symbol.dispose]();
  assertNothingLeft(other.name);
});

test('other prefixes; what cannot be one is refused before anything is made', () => {
  using lab = labUp({ temporary: true, ipv4Prefix: '192.0.2.4/30', ipv6Prefix: '2001:db8::/126' });
  assert.match(shell(`ip netns exec ${lab.hosts.left.name} ping -c 1 -W 1 192.0.2.6`), / 0% packet loss/);
  assert.match(shell(`ip netns exec ${lab.hosts.left.name} ping -c 1 -W 1 2001:db8::2`), / 0% packet loss/);
  const name = randomLabName();
  for (const wrong of [{ ipv4Prefix: '10.0.0.0/31' }, { ipv4Prefix: 'fc00::/64' }, { ipv6Prefix: 'x' }, { mtu: 100 }]) {
    assert.throws(() => labUp({ name, temporary: true, ...wrong }), hasCode('USAGE'));
  }
  assert.throws(() => labUp({ name: '../x' }), hasCode('USAGE'));
  assertNothingLeft(name);
});

test('a lab that is up is refused a second time, opened by name, listed, and gone after labDown', () => {
  const lab = labUp({ temporary: true });
  const { name } = lab;
  const cookies = [lab.hosts.left.netns.cookie, lab.hosts.right.netns.cookie];
  assert.throws(() => labUp({ name }), hasCode('LAB_EXISTS', /lab down/));
  const pins = `${pinRoot}/netns-${cookies[0]}/${lab.hosts.left.ifindex}`;
  mkdirSync(pins, { recursive: true });
  shell(`bpftool map create ${pins}/pinned type array key 4 value 4 entries 1 name pinned`);
  const opened = openLab(name);
  assert.equal(opened.hosts.right.ifindex, lab.hosts.right.ifindex);
  const summary = listLabs().find((each) => each.name === name);
  assert.deepEqual([summary?.state, summary?.temporary, summary?.maker.alive], ['ready', true, true]);
  opened.close();
  lab.close();
  assert.deepEqual(labDown(name), { name, namespaces: [`${name}-left`, `${name}-right`], processes: [] });
  assertNothingLeft(name, cookies);
  assert.throws(() => labDown(name), hasCode('LAB_NOT_FOUND'));
  assert.throws(() => openLab(name), hasCode('LAB_NOT_FOUND'));
});

test('what is missing from a lab is told, and lab up makes it anew', () => {
  using lab = labUp({ temporary: true });
  const { name } = lab;
  const { left, right } = lab.hosts;
  const damages: [RegExp, () => void][] = [
    [/namespace .*-right is missing/, () => shell(`ip netns delete ${name}-right`)],
    [/-left is missing.*-right is missing/, () => shell(`ip netns delete ${name}-left; ip netns delete ${name}-right`)],
    [/veth pair .* missing/, () => shell(`ip -n ${name}-left link delete veth0`)],
    [/veth0 in .*-right is down/, () => shell(`ip -n ${name}-right link set veth0 down`)],
    [/lacks its address 10\.11\.1\.1/, () => shell(`ip -n ${name}-left addr flush dev veth0`)],
    [/-left is missing/, () => shell(`umount /run/netns/${name}-left`)],
  ];
  for (const [problem, damage] of damages) {
    damage();
    assert.throws(() => openLab(name), hasCode('LAB_BROKEN', problem), String(problem));
    const summary = listLabs().find((each) => each.name === name);
    assert.equal(summary?.state, 'broken');
    const repaired = labUp({ name });
    repaired.close();
    assert.equal(repaired.temporary, true);
    for (const address of [right.ipv4, right.ipv6]) {
      assert.match(shell(`ip netns exec ${left.name} ping -c 1 -W 1 ${address}`), / 0% packet loss/, String(problem));
    }
  }
});

test("a namespace of the lab's name that is not its own is never touched", () => {
  const name = randomLabName();
  shell(`ip netns add ${name}-right`);
  try {
    const before = shell(`ip netns exec ${name}-right readlink /proc/self/ns/net`);
    assert.throws(
      () => labUp({ name, temporary: true }),
      hasCode('LAB_EXISTS', /-right exists and was not made by xdpkit/),
    );
    assert.deepEqual(netnsOf(name), [`${name}-right`]);
    assert.equal(existsSync(stateFile(name)), false);

    shell(`ip netns delete ${name}-right`);
    labUp({ name, temporary: true }).close();
    shell(`ip netns delete ${name}-right; ip netns add ${name}-right`);
    assert.throws(() => labUp({ name }), hasCode('LAB_BROKEN', /-right exists and was not made by xdpkit/));
    assert.throws(() => openLab(name), hasCode('LAB_BROKEN', /not the lab's own/));
    assert.deepEqual(labDown(name).namespaces, [`${name}-left`]);
    assert.deepEqual(netnsOf(name), [`${name}-right`]);
    assert.match(before, /net:/);
  } finally {
    shell(`ip netns delete ${name}-right`);
  }
  assertNothingLeft(name);
});

test('processes that still run in a lab are named when it goes down', async () => {
  const lab = labUp({ temporary: true });
  const child = lab.hosts.left.netns.run(() => spawn('sleep', ['60'], { stdio: 'ignore' }));
  lab.close();
  try {
    assert.deepEqual(labDown(lab.name).processes, [child.pid]);
    assertNothingLeft(lab.name);
    // Its namespace lives on, but the device is gone.
    assert.doesNotMatch(
      shell(`ip -o -n /proc/${child.pid}/ns/net link 2>/dev/null || nsenter -n -t ${child.pid} ip -o link`),
      /veth0/,
    );
  } finally {
    child.kill('SIGKILL');
    await once(child, 'close');
  }
});

test('a command in a host: its network, its status, its signal, and one that does not exist', async () => {
  using lab = labUp({ temporary: true });
  const host = lab.hosts.right;
  assert.deepEqual(await execInHost(host, ['sh', '-c', 'ip -o addr | grep -q 10.11.1.2 && exit 7']), {
    kind: 'exited',
    status: 7,
  });
  assert.deepEqual(await execInHost(host, ['sh', '-c', 'kill -9 $$']), { kind: 'killed', signal: 'SIGKILL' });
  assert.deepEqual(await execInHost(host, ['true'], { cwd: '/', env: { PATH: '/usr/bin:/bin' } }), {
    kind: 'exited',
    status: 0,
  });
  await assert.rejects(execInHost(host, ['no-such-command']), hasCode('FILE_NOT_FOUND', /no-such-command/));
  await assert.rejects(execInHost(host, []), hasCode('USAGE'));
  const listeners = process.listenerCount('SIGTERM');
  const slept = execInHost(host, ['sleep', '60']);
  process.emit('SIGTERM', 'SIGTERM');
  assert.deepEqual(await slept, { kind: 'killed', signal: 'SIGTERM' });
  assert.equal(process.listenerCount('SIGTERM'), listeners);
});

test('labs that are made at the same time by several processes do not disturb each other', async () => {
  const module = new URL('./index.js', import.meta.url).href;
  const script = `import { labUp } from ${JSON.stringify(module)}; for (let i = 0; i < 4; i++) labUp({ temporary: true })[Symbol.dispose](); console.log('done');`;
  const results = await Promise.all(
    [1, 2, 3].map(async () => {
      const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let output = '';
      child.stdout.on('data', (chunk: Buffer) => {
        output += chunk.toString();
      });
      await once(child, 'close');
      return output.trim();
    }),
  );
  assert.deepEqual(results, ['done', 'done', 'done']);
});

test('a maker that is killed at any moment leaves what sweep, lab up and lab down can deal with', async (t) => {
  const module = new URL('./index.js', import.meta.url).href;
  // How far the maker came: what exists at the moment of its death differs from round to round.
  const stages = new Map<string, number>();
  for (let round = 0; round < 40; round++) {
    const name = randomLabName();
    const script = `import { labUp } from ${JSON.stringify(module)}; process.stdout.write('go'); labUp({ name: '${name}', temporary: true }); process.stdout.write('up'); setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const closed = once(child, 'close');
    await once(child.stdout, 'data');
    const until = performance.now() + (round / 40) * 16;
    while (performance.now() < until);
    child.kill('SIGKILL');
    await closed;
    const stage = !existsSync(stateFile(name))
      ? 'nothing'
      : listLabs().find((lab) => lab.name === name)?.state === 'ready'
        ? 'ready'
        : `${netnsOf(name).length} namespaces`;
    stages.set(stage, (stages.get(stage) ?? 0) + 1);
    if (round % 3 === 0) {
      sweepLabs();
    } else if (stage !== 'nothing') {
      if (round % 3 === 1 && stage !== 'ready') {
        const repaired = labUp({ name });
        assert.match(shell(`ip netns exec ${name}-left ping -c 1 -W 1 fc00:dead:cafe:1::2`), / 0% packet loss/);
        repaired.close();
      }
      labDown(name);
    }
    assertNothingLeft(name);
    const drafts = existsSync('/run/xdpkit/labs')
      ? readdirSync('/run/xdpkit/labs').filter((file) => file.includes(name))
      : [];
    assert.ok(drafts.length === 0 || round % 3 !== 0, `${drafts} left by sweep`);
  }
  sweepLabs();
  t.diagnostic(`killed at: ${JSON.stringify([...stages])}`);
  assert.ok(stages.size >= 3, `killed at too few different stages: ${JSON.stringify([...stages])}`);
});

test('a lab whose removal is killed at any moment can be removed again', async (t) => {
  const module = new URL('./index.js', import.meta.url).href;
  const stages = new Map<string, number>();
  for (let round = 0; round < 16; round++) {
    const name = randomLabName();
    const script = `import { labUp, labDown } from ${JSON.stringify(module)}; labUp({ name: '${name}', temporary: true }).close(); process.stdout.write('go'); labDown('${name}');`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const closed = once(child, 'close');
    await once(child.stdout, 'data');
    const until = performance.now() + (round / 16) * 40;
    while (performance.now() < until);
    child.kill('SIGKILL');
    await closed;
    const stage = existsSync(stateFile(name)) ? `${netnsOf(name).length} namespaces` : 'nothing';
    stages.set(stage, (stages.get(stage) ?? 0) + 1);
    if (stage !== 'nothing') labDown(name);
    assertNothingLeft(name);
  }
  t.diagnostic(`killed at: ${JSON.stringify([...stages])}`);
  assert.ok(stages.size >= 2, `killed at too few different stages: ${JSON.stringify([...stages])}`);
});

test('a record that xdpkit did not write is told, and keeps nobody else from working', () => {
  const name = randomLabName();
  mkdirSync('/run/xdpkit/labs', { recursive: true });
  try {
    for (const content of ['', '{', 'null', '[]', '{"version":1}', `{"version":2,"name":"${name}"}`]) {
      writeFileSync(stateFile(name), content);
      const summary = listLabs().find((lab) => lab.name === name);
      assert.equal(summary?.state, 'broken');
      assert.match(summary?.problems.join() ?? '', /is not what xdpkit writes/);
      for (const use of [openLab, labDown, (lab: string) => labUp({ name: lab })]) {
        assert.throws(() => use(name), hasCode('LAB_BROKEN', /Remove the file/), content);
      }
      sweepLabs();
    }
  } finally {
    rmSync(stateFile(name));
  }
});

test('a temporary lab is swept only when its maker is gone, a lasting one never', async () => {
  using kept = labUp({ temporary: true });
  const lasting = randomLabName();
  const module = new URL('./index.js', import.meta.url).href;
  execFileSync(process.execPath, [
    '--input-type=module',
    '-e',
    `import { labUp } from ${JSON.stringify(module)}; labUp({ name: '${lasting}' });`,
  ]);
  try {
    const swept = sweepLabs().removed;
    assert.ok(!swept.includes(kept.name) && !swept.includes(lasting));
    openLab(lasting).close();
    openLab(kept.name).close();
  } finally {
    labDown(lasting);
  }
  assertNothingLeft(lasting);
});

test('a maker in another container, which cannot be seen from here, is taken to be alive', () => {
  const [elsewhere, gone] = [randomLabName(), randomLabName()];
  for (const name of [elsewhere, gone]) {
    labUp({ name }).close();
    const state = JSON.parse(readFileSync(stateFile(name), 'utf8'));
    const maker = { ...state.maker, startTime: '1', ...(name === elsewhere ? { pidNamespace: 'pid:[1]' } : {}) };
    writeFileSync(stateFile(name), JSON.stringify({ ...state, temporary: true, maker }));
  }
  try {
    // Other tests sweep too: what counts is what is left.
    sweepLabs();
    assert.deepEqual([existsSync(stateFile(elsewhere)), existsSync(stateFile(gone))], [true, false]);
  } finally {
    labDown(elsewhere);
  }
  for (const name of [elsewhere, gone]) assertNothingLeft(name);
});

test('a device that goes away under a lab does not keep it from going down', () => {
  const lab = labUp({ temporary: true });
  {
    using route = lab.hosts.left.netns.openNetlink();
    changeDevice(route, lab.hosts.left.ifindex, { up: false, name: 'other' });
    deleteDevice(route, lab.hosts.left.ifindex);
  }
  lab[Symbol.dispose]();
  assertNothingLeft(lab.name);
});
