/** `xdpkit chain` as processes of its own, which are killed, and which get in each other's way. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { readChain } from '../chain/read.js';
import { labUp } from '../lab/lab-up.js';
import { sweepLabs } from '../lab/remove.js';
import { compileText } from '../object/compile-text.test.support.js';
import { seenByIp } from '../xdp/real.test.support.js';
import { runWords } from './run-words.test.support.js';

before(() => void sweepLabs());

const folder = mkdtempSync(join(tmpdir(), 'xdpkit-chain-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

function object(name: string, verdict: string): string {
  const path = join(folder, `${name}.bpf.o`);
  const config = `struct { __uint(priority, 20); __uint(XDP_DROP, 1); } _${name} SEC(".xdp_run_config");`;
  writeFileSync(
    path,
    compileText(`${config}\nint runs;\nSEC("xdp") int ${name}(struct xdp_md *ctx) { runs++; return ${verdict}; }`),
  );
  return path;
}

const pass = object('passes', 'XDP_PASS');
const drop = object('drops', 'XDP_DROP');

const main = fileURLToPath(new URL('main.js', import.meta.url));

function start(...words: string[]) {
  return spawn(process.execPath, [main, ...words], { stdio: ['ignore', 'pipe', 'ignore'] });
}

async function outcome(
  child: ReturnType<typeof start>,
): Promise<{ code: number | null; document: { error?: { code: string } } }> {
  let text = '';
  child.stdout?.on('data', (data) => {
    text += data;
  });
  const [code] = await once(child, 'close');
  return { code, document: text === '' ? {} : JSON.parse(text) };
}

const membersOf = (target: { device: string; netns: string }) => readChain(target).members.map(({ name }) => name);

test('killed at any moment, the chain is the one before or the one after, and can be changed again', async () => {
  using lab = labUp({ temporary: true });
  const netns = lab.hosts.left.name;
  const target = { device: 'veth0', netns };
  const at = ['--dev', 'veth0', '--netns', netns];
  let last: readonly string[] = [];
  for (let round = 0; round < 8; round += 1) {
    const adding = !last.includes('drops');
    const child = adding ? start('chain', 'add', drop, ...at) : start('chain', 'remove', 'drops', ...at);
    const closed = once(child, 'close');
    await sleep(120 + round * 40);
    child.kill('SIGKILL');
    await closed;
    const now = membersOf(target);
    assert.deepEqual(
      now.filter((name) => name !== 'drops'),
      last.filter((name) => name !== 'drops'),
    );
    const { exitCode, stderr } = await runWords(['chain', 'add', pass, ...at, '--name', `p${round}`]);
    assert.equal(exitCode, 0, stderr);
    last = membersOf(target);
    assert.deepEqual(last.toSorted(), [...now, `p${round}`].toSorted());
  }
});

test('several at once: who comes second is told, and tries again; in the end all members are there', async () => {
  using lab = labUp({ temporary: true });
  const netns = lab.hosts.left.name;
  const wanted = ['a', 'b', 'c', 'd'];
  const refused: string[] = [];
  await Promise.all(
    wanted.map(async (name) => {
      for (let attempt = 0; attempt < 10; attempt += 1) {
        const words = ['chain', 'add', pass, '--dev', 'veth0', '--netns', netns, '--name', name, '--json'];
        const { code, document } = await outcome(start(...words));
        if (code === 0) return;
        refused.push(document.error?.code ?? `exit code ${code}`);
      }
      assert.fail(`${name} found no way in: ${refused}`);
    }),
  );
  assert.deepEqual(membersOf({ device: 'veth0', netns }), wanted);
  for (const code of refused) assert.ok(['ATTACH_CHANGED', 'ATTACH_EXISTS'].includes(code), code);
});

test('packets on two CPUs at once are all counted, for each member and the chain', async () => {
  using lab = labUp({ temporary: true });
  const target = { device: 'veth0', netns: lab.hosts.left.name };
  for (const name of ['a', 'b']) {
    const { exitCode, stderr } = await runWords([
      'chain',
      'add',
      pass,
      '--dev',
      'veth0',
      '--netns',
      target.netns,
      '--name',
      name,
    ]);
    assert.equal(exitCode, 0, stderr);
  }
  const { occupant } = readChain(target);
  const id = occupant.kind === 'chain' ? occupant.attachment.programId : assert.fail(occupant.kind);
  const allowed = /Cpus_allowed_list:(.*)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]?.match(/\d+/g) ?? [];
  const cpus = [allowed.at(0), allowed.at(-1)];
  const words = [main, 'prog', 'run', String(id), '--packet', 'udp/data "abcdefgh"', '--repeat', '50000'];
  const runs = cpus.map((cpu) =>
    spawn('taskset', ['-c', String(cpu), process.execPath, ...words], { stdio: 'ignore' }),
  );
  assert.deepEqual(await Promise.all(runs.map(async (run) => (await once(run, 'close'))[0])), [0, 0]);
  const { members, counters } = readChain(target);
  for (const counted of [...members.map((member) => member.counters), counters]) {
    const { packets, bytes } = counted.find(({ verdict }) => verdict === 'PASS') ?? assert.fail();
    // The lab's hosts may have sent a few of their own.
    assert.ok(packets >= 100_000n && packets < 100_100n, `${packets} packets`);
    assert.ok(bytes >= 5_000_000n && bytes < 5_020_000n, `${bytes} bytes`);
  }
});

test('the words of the command line: a chain from the first member to the last', async () => {
  using lab = labUp({ temporary: true });
  const netns = lab.hosts.left.name;
  const at = ['--dev', 'veth0', '--netns', netns];
  const run = async (...words: string[]) => {
    const { exitCode, stdout, stderr } = await runWords(['chain', ...words, ...at]);
    assert.equal(exitCode, 0, stderr);
    return stdout;
  };
  assert.equal(await run('ls'), 'veth0 has no XDP program\n');
  assert.match(
    await run('add', pass),
    /^added passes to the chain of veth0\n {2}chain {4}passes \(20\)\n {2}mode {5}native\n/,
  );
  const second = await run('add', drop, '--priority', '5', '--next', 'pass,drop');
  assert.match(second, /chain {4}drops \(5\), passes \(20\)\n[\s\S]*kept {5}\.bss of passes/);
  const listing = (await run('ls')).split('\n');
  assert.match(listing[0] ?? '', /^# +PRIORITY +MEMBER +NEXT AFTER +PACKETS +MAPS$/);
  assert.match(listing[1] ?? '', /^1 +5 +drops +drop,pass +\S.* \.bss \(\d+\)$/);
  assert.match(listing[2] ?? '', /^2 +20 +passes +drop,pass +\S.* \.bss \(\d+\)$/);
  await run('reorder', 'passes', 'drops');
  await run('reorder', 'drops', '--next', 'none', '--priority', '7');
  const [found, status] = await Promise.all([
    run('ls', '--json'),
    runWords(['status', ...at, '--json']).then(({ stdout }) => stdout),
  ]);
  const brief = [
    { name: 'drops', priority: 7, next: [] },
    { name: 'passes', priority: 10, next: ['DROP', 'PASS'] },
  ];
  const document = JSON.parse(found);
  assert.deepEqual(document.attachment.members, brief);
  assert.deepEqual(Object.keys(document.members[0]), [
    'name',
    'program',
    'source',
    'priority',
    'next',
    'maps',
    'counters',
  ]);
  assert.deepEqual(JSON.parse(status).namespaces[0].devices[0].attachments[0].members, brief);
  const text = (await runWords(['status', ...at])).stdout;
  assert.match(text, /veth0: chain of drops \(priority 7\), passes \(priority 10\)/);
  assert.match(
    await run('remove', 'drops', '--dry-run'),
    /^the verifier accepts the chain; nothing was changed on veth0/,
  );
  await run('remove', 'drops');
  assert.match(await run('remove', 'passes', '--dry-run'), /nothing was changed/);
  assert.match(await run('remove', 'passes'), /^removed passes, the last member: veth0 has no XDP program any more/);
  assert.equal(seenByIp(netns).mode, 'none');
});

test('what is refused says what to do', async () => {
  using lab = labUp({ temporary: true });
  const netns = lab.hosts.left.name;
  const at = ['--dev', 'veth0', '--netns', netns];
  const refused = async (exit: number, words: RegExp, ...given: string[]) => {
    const { exitCode, stderr } = await runWords(['chain', ...given, ...at]);
    assert.equal(exitCode, exit, stderr);
    assert.match(stderr, words);
  };
  await refused(
    2,
    /'nothing' is no verdict; there are aborted,drop,pass,tx,redirect, and none/,
    'add',
    pass,
    '--next',
    'nothing',
  );
  await refused(2, /name that one/, 'reorder', 'a', 'b', '--priority', '3');
  await refused(3, /has no XDP program, and so no chain[\s\S]*xdpkit chain add/, 'remove', 'a');
  await refused(3, /has no program that could be adopted/, 'add', pass, '--adopt', drop);
  assert.equal((await runWords(['attach', pass, ...at])).exitCode, 0);
  await refused(1, /already has program "passes"[\s\S]*is no chain[\s\S]*--adopt OBJECT/, 'add', drop);
  await refused(3, /has no chain, but program "passes"[\s\S]*--adopt/, 'remove', 'passes');
  assert.match((await runWords(['chain', 'ls', ...at])).stdout, /^veth0 has no chain, but program "passes"/);
  const { exitCode, stdout } = await runWords(['chain', 'add', drop, ...at, '--adopt', pass]);
  assert.equal(exitCode, 0);
  assert.match(stdout, /^added drops, passes to the chain of veth0\n/);
  const again = await runWords(['attach', pass, ...at]);
  assert.match(again.stderr, /already has a chain of drops, passes[\s\S]*xdpkit chain add/);
  const swapped = await runWords(['replace', pass, ...at]);
  assert.match(swapped.stdout, /^replaced a chain of drops, passes by passes \(program \d+\) on veth0\n/);
  assert.equal((await runWords(['chain', 'add', drop, ...at, '--adopt', pass])).exitCode, 0);
  assert.match(
    (await runWords(['detach', ...at])).stdout,
    /^detached a chain of drops, passes \(program \d+, native\)/,
  );
});
