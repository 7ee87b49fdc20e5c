/** Every command about XDP on a device, from the lab to the detached device, as a process and as JSON. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { labUp } from '../lab/lab-up.js';
import { sweepLabs } from '../lab/remove.js';
import { netnsPath } from '../linux/named-netns.js';
import { assertNoTraces, objectPath, seenByIp, token, tool, toolIn } from '../xdp/real.test.support.js';
import { runWords } from './run-words.test.support.js';

before(() => void sweepLabs());

const main = fileURLToPath(new URL('./main.js', import.meta.url));
const pass = `pass_${token}`;
const drop = `drop_${token}`;

async function text(...words: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await runWords(words);
  assert.equal(exitCode, 0, stderr);
  return stdout;
}

async function json(...words: string[]) {
  const { exitCode, stdout, stderr } = await runWords([...words, '--json']);
  assert.deepEqual([exitCode, stderr], [0, ''], stdout);
  assert.match(stdout, /^[^\n]*\n$/, 'one document on one line');
  return JSON.parse(stdout);
}

test('attach, status, stats, replace, detach, for people', async () => {
  using lab = labUp({ temporary: true });
  const { left } = lab.hosts;
  const on = ['--dev', 'veth0', '--netns', left.name];
  const pin = `/sys/fs/bpf/xdpkit/netns-${left.netns.cookie}/${left.ifindex}/xdp-link`;

  const attached = await runWords(['attach', objectPath('TWO'), '--prog', pass, ...on]);
  const { id } = seenByIp(left.name);
  assert.deepEqual(attached.stdout.split('\n'), [
    `attached ${pass} (program ${id}) to veth0`,
    '  mode     native',
    `  held by  link, pinned at ${pin}`,
    '',
  ]);
  assert.match(attached.stderr, /^note: native XDP on a veth .*\n$/);

  const status = await text('status', '--netns', left.name);
  assert.match(status, /^DEVICE +STATE +MTU +DRIVER +XDP FEATURES$/m);
  assert.match(status, /^veth0 +up +1500 +veth +basic, redirect/m);
  const time = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`;
  assert.match(status, new RegExp(`^veth0 +native +${pass} +${id} +[0-9a-f]{16} +${time} +link \\d+$`, 'm'));
  assert.match(status, new RegExp(`^veth0: link \\d+ is pinned at ${pin}$`, 'm'));
  for (const line of status.split('\n')) assert.ok(line.length <= 100, line);

  toolIn(left.name, 'ping', '-c', '3', '-i', '0.01', '-q', '10.11.1.2');
  const stats = await text('stats', ...on, '--count', '2', '--interval', '0.05');
  assert.equal(stats.match(/^VERDICT +PACKETS +BYTES +PACKETS\/S +BITS\/S$/gm)?.length, 2);
  assert.match(stats, new RegExp(`^veth0: ${pass} \\(program ${id}, native\\), map xdp_stats \\(\\d+\\)$`, 'm'));
  assert.match(stats, /^PASS +\d+ +\d+ .*pkt\/s .*bit\/s$/m);

  const replaced = await text('replace', objectPath('TWO'), '--prog', drop, ...on);
  assert.match(replaced, new RegExp(`^replaced ${pass} by ${drop} \\(program ${seenByIp(left.name).id}\\) on veth0\n`));
  assert.match(replaced, /^ {2}swap {5}atomic$/m);
  assert.match(replaced, /^ {2}kept {5}xdp_stats$/m);

  const generic = await text('attach', objectPath('TWO'), '--prog', pass, ...on, '--replace', '--mode', 'generic');
  assert.match(generic, /^ {2}swap {5}not atomic: /m);

  const gone = await text('detach', ...on);
  assert.match(gone, new RegExp(`^detached ${pass} \\(program \\d+, generic\\) from veth0\n {2}was held by link`));
  assert.match(await text('status', ...on), /^no XDP program is attached$/m);
  await assertNoTraces(lab);
});

test('the same for programs', async () => {
  using lab = labUp({ temporary: true });
  const { left } = lab.hosts;
  const on = ['--dev', 'veth0', '--netns', left.name];
  const attached = await json('attach', objectPath('TWO'), '--prog', pass, ...on);
  const program = { name: pass, id: seenByIp(left.name).id };
  const pin = `/sys/fs/bpf/xdpkit/netns-${left.netns.cookie}/${left.ifindex}/xdp-link`;
  const common = { device: 'veth0', ifindex: left.ifindex, mode: 'native', fallback: null };
  assert.deepEqual(attached, {
    ...common,
    program,
    held: { by: 'link', pin },
    migrations: [],
    degraded: [],
    replaced: null,
  });

  const { namespaces } = await json('status', ...on);
  assert.equal(namespaces.length, 1);
  assert.deepEqual([namespaces[0].netns, namespaces[0].inode], [left.name, Number(left.netns.inode)]);
  const [{ attachments, ...device }] = namespaces[0].devices;
  const { features, ...rest } = device;
  const state = { up: true, state: 'up', mtu: 1500 };
  assert.deepEqual(rest, { device: 'veth0', ifindex: left.ifindex, driver: 'veth', ...state });
  assert.ok(features.features.includes('redirect'));
  const [{ held, program: seen, mode }] = attachments;
  assert.deepEqual([mode, held.by, held.pins, held.processes], ['native', 'link', [pin], []]);
  assert.deepEqual([seen.id, seen.name, seen.uid], [program.id, pass, 0]);
  assert.match(seen.tag, /^[0-9a-f]{16}$/);
  assert.ok(Math.abs(Date.parse(seen.loadedAt) - Date.now()) < 60_000, seen.loadedAt);

  const stats = await runWords(['stats', ...on, '--count', '3', '--interval', '0.02', '--json']);
  const lines = stats.stdout.trim().split('\n');
  assert.equal(lines.length, 3);
  for (const line of lines) {
    const { counters, map, ...sample } = JSON.parse(line);
    assert.deepEqual([sample.device, sample.interval, sample.by, map.name], ['veth0', 0.02, 'verdict', 'xdp_stats']);
    assert.deepEqual(sample.program, { ...program, mode: 'native' });
    assert.equal(counters.length, 5);
    for (const counter of counters) {
      const { name, ...numbers } = counter;
      assert.deepEqual(Object.keys(numbers), ['packets', 'bytes', 'packetsPerSecond', 'bytesPerSecond'], name);
      assert.ok(Object.values(numbers).every((number) => typeof number === 'number'));
    }
  }

  const replaced = await json('replace', objectPath('TWO'), '--prog', drop, ...on);
  assert.equal(replaced.program.name, drop);
  const { before: old, ...how } = replaced.replaced;
  assert.deepEqual(how, { atomic: true, keptMaps: ['xdp_stats'], freshMaps: [] });
  assert.equal(old.program.id, program.id);

  const { detached } = await json('detach', ...on);
  assert.deepEqual(
    detached.map((one: { mode: string; program: { name: string } }) => [one.mode, one.program.name]),
    [['native', drop]],
  );
});

test('a namespace by name, path and process id, and all at once', async () => {
  using lab = labUp({ temporary: true });
  const { left } = lab.hosts;
  const child = left.netns.run(() => spawn('sleep', ['30'], { stdio: 'ignore' }));
  try {
    for (const netns of [left.name, netnsPath(left.name), String(child.pid), `/proc/${child.pid}/ns/net`]) {
      const on = ['--dev', 'veth0', '--netns', netns];
      await json('attach', objectPath('ONE'), ...on);
      assert.equal(seenByIp(left.name).mode, 'xdp', netns);
      assert.equal((await json('status', ...on)).namespaces[0].devices[0].attachments.length, 1);
      await json('detach', ...on);
      assert.equal(seenByIp(left.name).mode, 'none', netns);
    }
    const { namespaces } = await json('status', '--all-netns');
    const ours = namespaces.filter((one: { inode: number }) => one.inode === Number(left.netns.inode));
    assert.deepEqual(
      ours.map((one: { netns: string }) => one.netns),
      [left.name],
    );
    assert.match(await text('status', '--all-netns'), new RegExp(`^network namespace ${left.name}$`, 'm'));
  } finally {
    child.kill();
    await once(child, 'exit');
  }
});

test('namespaces and labs that may not be entered are told, and the others shown', async () => {
  using lab = labUp({ temporary: true });
  const { left } = lab.hosts;
  const unprivileged = (...words: string[]) => {
    const options = ['--bounding-set=-all', '--inh-caps=-all', process.execPath, main, ...words];
    const { status, stdout, stderr } = spawnSync('setpriv', options, { encoding: 'utf8' });
    assert.equal(status, 4, stderr);
    return { stdout, stderr };
  };
  const all = unprivileged('status', '--all-netns', '--json');
  const { namespaces, refused } = JSON.parse(all.stdout);
  assert.equal(namespaces.length, 1);
  const mine = refused.find(({ netns }: { netns: string }) => netns === left.name);
  assert.deepEqual([mine.inode, mine.error.code], [Number(left.netns.inode), 'NOT_PERMITTED']);
  const people = unprivileged('status', '--all-netns');
  assert.match(people.stdout, /^DEVICE .*\nlo /m);
  assert.match(people.stderr, new RegExp(`enter network namespace ${left.name}: `));
  assert.match(people.stderr, /CAP_SYS_ADMIN/);

  const listed = JSON.parse(unprivileged('lab', 'ls', '--json').stdout).labs;
  const found = listed.find(({ name }: { name: string }) => name === lab.name);
  assert.equal(found.state, 'unknown');
  assert.match(found.problems[0], new RegExp(`enter network namespace ${left.name}: `));
  assert.match(unprivileged('lab', 'ls').stdout, new RegExp(`^${lab.name} +unknown`, 'm'));
});

test('under ip netns exec, which hides the BPF file system, netlink holds the program: it stays', async () => {
  using lab = labUp({ temporary: true });
  const { left } = lab.hosts;
  const inside = (...words: string[]) =>
    tool('ip', 'netns', 'exec', left.name, process.execPath, main, ...words, '--dev', 'veth0', '--json');
  assert.equal(JSON.parse(inside('attach', objectPath('ONE'))).held.by, 'netlink');
  assert.equal(seenByIp(left.name).mode, 'xdp');
  assert.deepEqual(JSON.parse(inside('status')).namespaces[0].devices[0].attachments[0].held, { by: 'netlink' });
  assert.equal(JSON.parse(inside('replace', objectPath('OLD'), '--section', 'xdp_drop')).replaced.atomic, true);
  inside('detach');
  await assertNoTraces(lab);

  // A link that is pinned outside is seen and taken off from inside; its dead pin goes with the next attach.
  const on = ['--dev', 'veth0', '--netns', left.name];
  await text('attach', objectPath('ONE'), ...on);
  assert.equal(JSON.parse(inside('replace', objectPath('ONE'))).held.by, 'link');
  inside('detach');
  assert.equal(seenByIp(left.name).mode, 'none');
  await text('attach', objectPath('ONE'), ...on);
  await text('detach', ...on);
  await assertNoTraces(lab);
});

test('a driver without native XDP: its words, and auto goes on in generic mode', async () => {
  using lab = labUp({ temporary: true });
  const { left } = lab.hosts;
  tool('ip', '-n', left.name, 'link', 'add', 'br0', 'type', 'bridge');
  const words = ['attach', objectPath('ONE'), '--dev', 'br0', '--netns', left.name];
  const native = await runWords([...words, '--mode', 'native']);
  assert.equal(native.exitCode, 5);
  assert.match(
    native.stderr,
    /^error: attach program "alone_\w+" to device "br0" in native mode: Underlying driver .* \(.*EOPNOTSUPP\)\nhint/,
  );
  assert.equal(native.stderr.match(/Underlying driver/g)?.length, 1, native.stderr);
  assert.equal(seenByIp(left.name, 'br0').mode, 'none');
  assert.match(await text(...words), /^ {2}mode {5}generic, as the driver refused native: Underlying driver/m);
  assert.equal(seenByIp(left.name, 'br0').mode, 'xdpgeneric');
});

test('an old section name, by --section and by --prog', async () => {
  using lab = labUp({ temporary: true });
  const on = ['--dev', 'veth0', '--netns', lab.hosts.left.name];
  for (const named of [
    ['--prog', `old_${token}`],
    ['--section', 'xdp_drop'],
  ]) {
    await text('attach', objectPath('OLD'), ...named, ...on);
    assert.equal(seenByIp(lab.hosts.left.name).mode, 'xdp');
    await text('detach', ...on);
  }
});

test('auto says why it fell back', async () => {
  using lab = labUp({ temporary: true, mtu: 9000 });
  const on = ['--dev', 'veth0', '--netns', lab.hosts.left.name];
  assert.match(
    await text('attach', objectPath('ONE'), ...on),
    /^ {2}mode {5}generic, as the driver refused native: .*MTU.*$/m,
  );
  const again = await json('attach', objectPath('ONE'), '--replace', ...on);
  assert.deepEqual([again.mode, again.fallback, again.replaced.atomic], ['generic', null, true]);
});

test('a reader that has enough, and Ctrl-C, end stats without a complaint', async () => {
  using lab = labUp({ temporary: true });
  const on = ['--dev', 'veth0', '--netns', lab.hosts.left.name];
  await text('attach', objectPath('TWO'), '--prog', pass, ...on);
  const words = [process.execPath, main, 'stats', ...on, '--interval', '0.05'];
  const piped = spawnSync('bash', ['-c', `set -o pipefail; ${words.join(' ')} | head -1`], {
    encoding: 'utf8',
    timeout: 20_000,
  });
  assert.deepEqual([piped.status, piped.stderr, piped.stdout.split('\n').length], [0, '', 2]);

  const [file = '', ...rest] = words;
  const child = spawn(file, [...rest, '--json'], { stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(child, 'exit');
  await once(child.stdout, 'data');
  await sleep(30);
  child.kill('SIGINT');
  assert.deepEqual(await exited, [130, null]);
  assert.equal((await child.stderr.toArray()).join(''), '');
});

test('the live table writes over itself, also where its lines wrap', async () => {
  using lab = labUp({ temporary: true });
  const on = ['--dev', 'veth0', '--netns', lab.hosts.left.name];
  await text('attach', objectPath('TWO'), '--prog', pass, ...on);
  for (const [columns, rows] of [
    [120, 7],
    [30, 14],
  ]) {
    // `script` gives a terminal; its output is what the terminal was sent.
    const command = `stty cols ${columns}; exec ${process.execPath} ${main} stats ${on.join(' ')} --interval 0.05 --count 3`;
    const { stdout } = spawnSync('script', ['-qec', command, '/dev/null'], { encoding: 'utf8' });
    const escapeCharacter = String.fromCharCode(27);
    const back = [...stdout.matchAll(new RegExp(`${escapeCharacter}\\[(\\d+)A${escapeCharacter}\\[J`, 'g'))];
    assert.equal(back.length, 2, stdout);
    if (columns === 120)
      assert.deepEqual(
        back.map(([, lines]) => Number(lines)),
        [rows, rows],
      );
    else
      assert.ok(
        back.every(([, lines]) => Number(lines) >= (rows ?? 0)),
        stdout,
      );
  }
});

test('a dry run asks the verifier and leaves the device, the kernel and the pins as they were', async () => {
  using lab = labUp({ temporary: true });
  const { left } = lab.hosts;
  const words = ['attach', objectPath('TWO'), '--prog', pass, '--dev', 'veth0', '--netns', left.name, '--dry-run'];
  assert.equal(await text(...words), `the verifier accepts ${pass}; nothing was attached to veth0\n`);
  const { program, dryRun } = await json(...words);
  assert.deepEqual([program.name, dryRun, program.translatedSize > 0], [pass, true, true]);
  assert.equal(seenByIp(left.name).mode, 'none');
  await assertNoTraces();
});
