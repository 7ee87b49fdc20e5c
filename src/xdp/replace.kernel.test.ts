import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { runWithCapabilities } from '../kernel/capabilities.test.support.js';
import type { Lab } from '../lab/lab.js';
import { labUp } from '../lab/lab-up.js';
import { sweepLabs } from '../lab/remove.js';
import { netnsPath } from '../linux/named-netns.js';
import { changeDevice } from '../linux/netlink/route/link.js';
import { attachObject } from '../loader/attach-object.js';
import type { LoadedObject } from '../loader/loaded.js';
import { detachXdp } from './detach.js';
import { openDevice } from './device.js';
import type { XdpMode } from './mode.js';
import { fails, objectPath, open, seenByIp, token, toolIn } from './real.test.support.js';
import { replaceXdp } from './replace.js';
import { readStatus } from './status.js';
import { holdProgram, XdpLink } from './xdp-link.js';

before(() => void sweepLabs());

const pass = `pass_${token}`;
const load = (name = pass): LoadedObject => open('TWO').load({ programs: [{ name, type: 'xdp' }] });

test('a change of mode is no atomic swap, and says so; the link and its pin are new', () => {
  using lab = labUp({ temporary: true });
  const { left } = lab.hosts;
  const target = { device: left.device, netns: left.name };
  using object = load();
  using next = load();
  {
    using _ = object.program(pass).attachXdp({ ...target, mode: 'native', pin: true });
  }
  const { atomic, mode, heldBy, pinnedAt } = replaceXdp(next.program(pass), { ...target, mode: 'generic' });
  assert.deepEqual([atomic, mode, heldBy], [false, 'generic', 'link']);
  assert.match(pinnedAt ?? '', /xdpkit\/netns-\d+\/\d+\/xdp-link$/);
  assert.deepEqual(seenByIp(left.name), { mode: 'xdpgeneric', id: next.program(pass).id });
});

test('where the other mode is refused, the old program is put back', () => {
  using lab = labUp({ temporary: true, mtu: 9000 });
  const { left, right } = lab.hosts;
  const target = { device: left.device, netns: left.name };
  using object = load();
  using next = load();
  {
    using _ = object.program(pass).attachXdp({ ...target, mode: 'generic', pin: true });
  }
  assert.throws(() => replaceXdp(next.program(pass), { ...target, mode: 'native' }), fails('MTU_TOO_LARGE'));
  assert.deepEqual(seenByIp(left.name), { mode: 'xdpgeneric', id: object.program(pass).id });
  for (const { netns, ifindex } of [left, right]) {
    using route = netns.openNetlink();
    changeDevice(route, ifindex, { mtu: 1500 });
  }
  assert.equal(replaceXdp(next.program(pass), { ...target, mode: 'native' }).mode, 'native');
});

test('what somebody else changed in between is left to them', () => {
  using lab = labUp({ temporary: true });
  const { left } = lab.hosts;
  const target = { device: left.device, netns: left.name };
  using object = load();
  using theirs = load();
  using ours = load();
  for (const held of ['link', 'netlink'] as const) {
    using _link = object.program(pass).attachXdp(target);
    if (held === 'netlink') {
      detachXdp(target);
      toolIn(left.name, 'ip', 'link', 'set', 'dev', 'veth0', 'xdpdrv', 'pinned', pin(object));
    }
    // Their swap comes after ours has looked, and before it acts: when it asks for the descriptor to act with.
    const late = {
      name: pass,
      id: ours.program(pass).id,
      get fd() {
        replaceXdp(theirs.program(pass), target);
        return ours.program(pass).fd;
      },
    };
    assert.throws(() => replaceXdp(late, target), fails('ATTACH_CHANGED', 'veth0'), held);
    assert.equal(seenByIp(left.name).id, theirs.program(pass).id);
    if (held === 'netlink') detachXdp(target);
  }
  assert.throws(() => replaceXdp(ours.program(pass), target), fails('NOT_ATTACHED'));
  using _link = theirs.program(pass).attachXdp(target);
  const expected = object.program(pass).id;
  assert.throws(() => replaceXdp(ours.program(pass), { ...target, expected }), fails('ATTACH_CHANGED', `${expected}`));
  assert.equal(seenByIp(left.name).id, theirs.program(pass).id);
});

test('a link whose program somebody else took off says so, and leaves what came in its place', () => {
  using lab = labUp({ temporary: true });
  const { left } = lab.hosts;
  const target = { device: left.device, netns: left.name };
  using object = load();
  using theirs = load();
  const program = object.program(pass);
  {
    using link = program.attachXdp({ ...target, mode: 'native' });
    detachXdp(target);
    assert.throws(() => link.update(theirs.program(pass)), fails('ATTACH_CHANGED', 'veth0'));
    using _theirs = theirs.program(pass).attachXdp({ ...target, pin: true });
  }
  assert.equal(seenByIp(left.name).id, theirs.program(pass).id);
  {
    // As on a kernel without links.
    const state = { mode: 'native', link: undefined, fallback: undefined } as const;
    using _link = new XdpLink({ ...state, program: holdProgram(program), device: openDevice(target) });
    assert.throws(() => _link.detach(), fails('ATTACH_CHANGED', 'veth0'));
  }
  assert.equal(seenByIp(left.name).id, theirs.program(pass).id);
});

test('attaching, swapping and detaching take no more privileges than loading', () => {
  using lab = labUp({ temporary: true });
  const seen = lab.hosts.left.netns.run(() =>
    runWithCapabilities(
      ['bpf', 'net_admin', 'perfmon'],
      import.meta.url,
      `const { openObject } = await import('../loader/open.js');
       const object = (await openObject('${objectPath('TWO')}')).load();
       const link = object.program('drop_${token}').attachXdp({ device: 'veth0' });
       link.update(object.program('${pass}'));
       const seen = [link.programId === object.program('${pass}').id];
       link.detach();
       console.log(JSON.stringify(seen));`,
    ),
  );
  assert.deepEqual(seen, [true]);
});

function pin(object: LoadedObject): string {
  const path = `/sys/fs/bpf/swap_${token}`;
  object.program(pass).pin(path);
  process.on('exit', () => rmSync(path, { force: true }));
  return path;
}

/** Whether the stream of so many pings lasted longer than the swaps; none of it may be lost in any case. */
async function swapUnderPings(lab: Lab, mode: XdpMode, pings: number): Promise<boolean> {
  const { left, right } = lab.hosts;
  const target = { device: left.device, netns: left.name };
  attachObject(open('TWO'), { ...target, mode, program: pass, replace: 'allow' });
  const words = ['-i', '0.002', '-c', String(pings), '-W', '1', '-q'];
  const streams = [right.ipv4, right.ipv6].map((address) =>
    spawn('nsenter', [`--net=${netnsPath(left.name)}`, 'ping', ...words, address], {
      stdio: ['ignore', 'pipe', 'inherit'],
    }),
  );
  const said = streams.map(async ({ stdout }) => (await stdout.toArray()).join(''));
  const ended = streams.map((stream) => once(stream, 'exit'));
  await sleep(150);
  const ids = new Set<number>();
  for (let count = 0; count < 50; count += 1) {
    const { replaced, program } = attachObject(open('TWO'), { ...target, program: pass, replace: 'require' });
    assert.equal(replaced?.atomic, true);
    assert.deepEqual(replaced.keptMaps, ['xdp_stats']);
    ids.add(program.id);
    await sleep(5);
  }
  assert.equal(ids.size, 50);
  const lasted = streams.every(({ exitCode }) => exitCode === null);
  await Promise.all(ended);
  const whole = new RegExp(`${pings} packets transmitted, ${pings} received, 0% packet loss`);
  for (const text of said) assert.match(await text, whole);
  return lasted;
}

for (const mode of ['native', 'generic'] as const) {
  test(`50 swaps under a steady ping lose none of it, ${mode}`, async () => {
    using lab = labUp({ temporary: true });
    // A slower machine takes a longer stream.
    let pings = 1500;
    while (!(await swapUnderPings(lab, mode, pings)) && pings < 20_000) pings *= 2;
    assert.ok(pings < 20_000, 'the stream ended before the swaps did, again and again');
  });
}

test('of two processes that attach at once one wins, and the other leaves nothing', async () => {
  using lab = labUp({ temporary: true });
  const { left } = lab.hosts;
  const target = { device: left.device, netns: left.name };
  for (let round = 0; round < 3; round += 1) {
    const children = await Promise.all(['TWO', 'TWO'].map((define) => contender(define, left.name)));
    const won = children.filter((said) => said.startsWith('attached'));
    const lost = children.filter((said) => /^(ATTACH_EXISTS|ATTACH_CHANGED)/.test(said));
    assert.deepEqual([won.length, lost.length], [1, 1], children.join('\n'));
    assert.equal(String(seenByIp(left.name).id), won[0]?.split(' ')[1]?.trim());
    detachXdp(target);
  }
});

/** A process of its own that attaches at a moment that both are told. */
async function contender(define: string, netns: string): Promise<string> {
  const script = `
    const { readFileSync } = await import('node:fs');
    const { parseObject } = await import('${new URL('../loader/open.js', import.meta.url)}');
    const { attachObject } = await import('${new URL('../loader/attach-object.js', import.meta.url)}');
    const object = parseObject(readFileSync('${objectPath(define)}'), 'o');
    while (Date.now() < ${Math.ceil(Date.now() / 500) * 500 + 500});
    try {
      const { program } = attachObject(object, { device: 'veth0', netns: '${netns}', program: '${pass}', replace: 'refuse' });
      console.log('attached', program.id);
    } catch (error) {
      console.log(error.code, error.message);
    }`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return (await child.stdout.toArray()).join('');
}

test('a process that is killed takes its link with it unless it is pinned', async () => {
  using lab = labUp({ temporary: true });
  const { left } = lab.hosts;
  for (const stays of [false, true]) {
    const script = `
      const { readFileSync } = await import('node:fs');
      const { parseObject } = await import('${new URL('../loader/open.js', import.meta.url)}');
      const object = parseObject(readFileSync('${objectPath('ONE')}'), 'o').load();
      const target = { device: 'veth0', netns: '${left.name}', pin: ${stays} };
      globalThis.link = object.program('alone_${token}').attachXdp(target);
      console.log('attached');
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    assert.equal(seenByIp(left.name).mode, 'xdp');
    const target = { device: 'veth0', netns: left.name };
    const [attached] = readStatus(target).devices[0]?.attachments ?? [];
    assert.ok(attached?.holder.by === 'link');
    assert.deepEqual(
      attached.holder.processes.map(({ pid }) => pid),
      stays ? [] : [child.pid],
    );
    assert.equal(attached.holder.pins.length, stays ? 1 : 0);
    child.kill('SIGKILL');
    await once(child, 'exit');
    for (let wait = 0; wait < 100 && !stays && seenByIp(left.name).mode !== 'none'; wait += 1) await sleep(10);
    assert.equal(seenByIp(left.name).mode, stays ? 'xdp' : 'none');
  }
});
