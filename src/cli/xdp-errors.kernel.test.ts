/** When things go wrong: one sentence, a stable code, the exit code of its kind, and nothing left behind. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { ErrorCode } from '../errors/codes.js';
import { labUp } from '../lab/lab-up.js';
import { sweepLabs } from '../lab/remove.js';
import { netnsPath } from '../linux/named-netns.js';
import { assertNoTraces, objectPath, scratch, seenByIp, token, tool, traces } from '../xdp/real.test.support.js';
import { runWords } from './run-words.test.support.js';

before(() => void sweepLabs());

const lab = labUp({ temporary: true });
const large = labUp({ temporary: true, mtu: 9000 });
after(() => {
  lab[Symbol.dispose]();
  large[Symbol.dispose]();
});
const pin = `/sys/fs/bpf/pin_${token}`;
after(() => rmSync(pin, { force: true }));

const on = ['--dev', 'veth0', '--netns', lab.hosts.left.name];
const onLarge = ['--dev', 'veth0', '--netns', large.hosts.left.name];

function file(name: string, bytes: Uint8Array | string): string {
  const path = join(scratch, name);
  writeFileSync(path, bytes);
  return path;
}

function truncated(part: number): string {
  const bytes = readFileSync(objectPath('TWO'));
  return file(`truncated-${part}.bpf.o`, bytes.subarray(0, Math.floor(bytes.length * part)));
}

interface Case {
  readonly name: string;
  readonly words: () => readonly string[];
  readonly code: ErrorCode;
  readonly exit: number;
  readonly says: readonly (RegExp | string)[];
}

const cases: readonly Case[] = [
  {
    name: 'not an ELF file',
    words: () => ['attach', file('text.o', 'int main(void) {}'), ...on],
    code: 'NOT_ELF',
    exit: 1,
    says: ['text.o is not an ELF', 'xdpkit build'],
  },
  { name: 'an empty file', words: () => ['attach', file('empty.o', ''), ...on], code: 'NOT_ELF', exit: 1, says: [] },
  {
    name: 'an ELF file for another machine',
    words: () => ['attach', process.execPath, ...on],
    code: 'WRONG_MACHINE',
    exit: 1,
    says: [/was compiled for (x86-64|AArch64|\S+), not for BPF/],
  },
  ...[0.2, 0.5, 0.9].map((part) => ({
    name: `an object of which ${part} is left`,
    words: () => ['attach', truncated(part), ...on],
    code: 'MALFORMED' as const,
    exit: 1,
    says: [/truncated-.*, offset 0x[0-9a-f]+: /],
  })),
  {
    name: 'no such file',
    words: () => ['attach', '/nowhere/x.bpf.o', ...on],
    code: 'FILE_NOT_FOUND',
    exit: 3,
    says: ['/nowhere/x.bpf.o'],
  },
  {
    name: 'no XDP program',
    words: () => ['attach', objectPath('NO_XDP'), ...on],
    code: 'PROGRAM_NOT_FOUND',
    exit: 3,
    says: ['no XDP program', `socket_${token}`],
  },
  {
    name: 'several XDP programs and no name',
    words: () => ['attach', objectPath('TWO'), ...on],
    code: 'PROGRAM_AMBIGUOUS',
    exit: 2,
    says: [`drop_${token}`, `pass_${token}`, '--prog'],
  },
  {
    name: 'a program that is not in the object',
    words: () => ['attach', objectPath('TWO'), '--prog', 'absent', ...on],
    code: 'PROGRAM_NOT_FOUND',
    exit: 3,
    says: ['"absent"', `pass_${token}`],
  },
  {
    name: 'a program that the verifier refuses',
    words: () => ['attach', objectPath('REFUSED'), ...on],
    code: 'VERIFIER',
    exit: 6,
    says: [/^error: the verifier refused program "reads_\w+" at \S*programs\.bpf\.c:\d+: `.*data\[20\].*`: .*packet/],
  },
  {
    name: 'no such device',
    words: () => ['attach', objectPath('ONE'), '--dev', 'nope0', '--netns', lab.hosts.left.name],
    code: 'DEVICE_NOT_FOUND',
    exit: 3,
    says: ['nope0', 'veth0'],
  },
  {
    name: 'a device name longer than any',
    words: () => ['attach', objectPath('ONE'), '--dev', 'x'.repeat(200), '--netns', lab.hosts.left.name],
    code: 'DEVICE_NOT_FOUND',
    exit: 3,
    says: [],
  },
  {
    name: 'no such namespace',
    words: () => ['status', '--netns', `nope-${token}`],
    code: 'NETNS_NOT_FOUND',
    exit: 3,
    says: [`nope-${token}`],
  },
  {
    name: 'no such process',
    words: () => ['status', '--netns', '4194305'],
    code: 'NETNS_NOT_FOUND',
    exit: 3,
    says: ['process 4194305'],
  },
  {
    name: 'an MTU too large for native XDP',
    words: () => ['attach', objectPath('ONE'), ...onLarge, '--mode', 'native'],
    code: 'MTU_TOO_LARGE',
    exit: 5,
    says: [/MTU is too large/, '9000', '--mode generic'],
  },
  {
    name: 'offload on a device that cannot',
    words: () => ['attach', objectPath('ONE'), ...on, '--mode', 'offload'],
    code: 'MODE_UNSUPPORTED',
    exit: 5,
    says: ['veth', '--mode native'],
  },
  { name: 'nothing to detach', words: () => ['detach', ...on], code: 'NOT_ATTACHED', exit: 3, says: ['veth0'] },
  {
    name: 'nothing to replace',
    words: () => ['replace', objectPath('ONE'), ...on],
    code: 'NOT_ATTACHED',
    exit: 3,
    says: ['xdpkit attach'],
  },
  { name: 'nothing to count', words: () => ['stats', ...on], code: 'NOT_ATTACHED', exit: 3, says: [] },
  { name: 'no device named', words: () => ['attach', objectPath('ONE')], code: 'USAGE', exit: 2, says: ['--dev'] },
  {
    name: 'a mode that is none',
    words: () => ['attach', objectPath('ONE'), ...on, '--mode', 'fast'],
    code: 'USAGE',
    exit: 2,
    says: ['native'],
  },
  {
    name: 'an interval and a count that are none',
    words: () => ['stats', ...on, '--interval', 'soon', '--count', '1.5'],
    code: 'USAGE',
    exit: 2,
    says: [/interval: 'soon' is no number/],
  },
  {
    name: 'all namespaces and one',
    words: () => ['status', '--all-netns', '--netns', lab.hosts.left.name],
    code: 'USAGE',
    exit: 2,
    says: ['--all-netns'],
  },
];

for (const { name, words, code, exit, says } of cases) {
  test(name, async () => {
    const text = await runWords(words());
    assert.deepEqual([text.exitCode, text.stdout], [exit, ''], text.stderr);
    assert.match(text.stderr, /^error: .*\n/);
    for (const word of says)
      assert.ok(typeof word === 'string' ? text.stderr.includes(word) : word.test(text.stderr), text.stderr);
    const document = await runWords([...words(), '--json']);
    assert.deepEqual([document.exitCode, document.stderr], [exit, '']);
    assert.equal(JSON.parse(document.stdout).error.code, code);
    await assertNoTraces(lab);
    await assertNoTraces(large);
  });
}

test('the verifier’s whole log only with --verbose', async () => {
  const words = ['attach', objectPath('REFUSED'), ...on];
  assert.doesNotMatch((await runWords(words)).stderr, /^0: /m);
  assert.match((await runWords([...words, '--verbose'])).stderr, /^0: .*\n[\s\S]*^processed \d+ insns/m);
});

test('a program that is there already is left alone', async () => {
  const netns = lab.hosts.left.name;
  assert.equal((await runWords(['attach', objectPath('ONE'), ...on])).exitCode, 0);
  const present = seenByIp(netns);
  const before = traces(lab);
  for (const words of [
    ['attach', objectPath('OLD'), '--section', 'xdp_drop', ...on],
    ['attach', objectPath('OLD'), '--section', 'xdp_drop', ...on, '--mode', 'generic'],
  ]) {
    const { exitCode, stderr } = await runWords(words);
    assert.equal(exitCode, 1);
    const found = new RegExp(
      `^error: device "veth0" already has program "alone_${token}" \\(id ${present.id}, native, held by link \\d+, pinned at /sys/\\S+\\)\nhint: .*replace`,
    );
    assert.match(stderr, found);
    assert.deepEqual(seenByIp(netns), present);
    assert.deepEqual(traces(lab), before);
  }
  const { stderr } = await runWords(['stats', ...on]);
  assert.match(stderr, /has no map that counts packets by verdict\nhint: It has no maps\./);
  const refused = await runWords(['replace', objectPath('REFUSED'), ...on]);
  assert.equal(refused.exitCode, 6);
  assert.deepEqual(seenByIp(netns), present);
  assert.equal((await runWords(['detach', ...on, '--mode', 'generic'])).exitCode, 3);
  assert.deepEqual(seenByIp(netns), present);
  assert.equal((await runWords(['detach', ...on])).exitCode, 0);
  await assertNoTraces(lab);
});

test('a pinned map of another shape', async () => {
  tool('bpftool', 'map', 'create', pin, 'type', 'hash', 'key', '4', 'value', '8', 'entries', '1', 'name', 'other');
  const { exitCode, stderr } = await runWords(['attach', objectPath('PINNED'), ...on]);
  assert.equal(exitCode, 1);
  assert.match(
    stderr,
    new RegExp(`^error: map "pin_${token}" pinned at ${pin}: type is hash, the object asks for array\n`),
  );
  assert.deepEqual(traces(lab), { programs: [], links: [], pins: [`pin_${token}`] });
  rmSync(pin);
});

test('without a privilege the missing one is named', () => {
  const main = fileURLToPath(new URL('./main.js', import.meta.url));
  const inside = `--net=${netnsPath(lab.hosts.left.name)}`;
  const run = (options: string[], words: readonly string[]) =>
    spawnSync('nsenter', [inside, 'setpriv', ...options, process.execPath, main, ...words], { encoding: 'utf8' });
  // Root in name only: another user might not be able to read this clone.
  const powerless = ['--bounding-set=-all', '--inh-caps=-all'];
  const object = objectPath('ONE');
  for (const words of [
    ['attach', object, '--dev', 'veth0'],
    ['attach', object, '--dev', 'veth0', '--netns', large.hosts.left.name],
    ['detach', ...onLarge],
    ['stats', ...onLarge],
    ['status', '--netns', large.hosts.left.name],
    ['demo'],
  ]) {
    for (const json of [false, true]) {
      const { status, stdout, stderr } = run(powerless, json ? [...words, '--json'] : words);
      assert.equal(status, 4, `${words.join(' ')}: ${stdout}${stderr}`);
      if (json) assert.equal(JSON.parse(stdout).error.code, 'NOT_PERMITTED');
      else assert.match(stderr, /CAP_[A-Z_]+|root/, words.join(' '));
    }
  }
  // What needs no privilege works without.
  const status = run(powerless, ['status']);
  assert.deepEqual([status.status, status.stderr], [0, '']);

  const noAdmin = run(['--bounding-set=-sys_admin', '--inh-caps=-sys_admin'], ['attach', object, ...onLarge]);
  assert.equal(noAdmin.status, 4, noAdmin.stderr);
  assert.match(noAdmin.stderr, /CAP_SYS_ADMIN/);
});
