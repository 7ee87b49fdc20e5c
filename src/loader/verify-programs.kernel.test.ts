/** `verifyPrograms` and `xdpkit prog verify`. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { runWords } from '../cli/run-words.test.support.js';
import { leftInKernel, uniqueName } from '../kernel/kernel-state.test.support.js';
import { compileText } from '../object/compile-text.test.support.js';
import { parseObject } from './open.js';
import { verifyPrograms } from './verify-programs.js';

const folder = mkdtempSync(join(tmpdir(), 'xdpkit-verify-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

const name = uniqueName();
const pinned = `struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, __u32); __type(value, __u64); __uint(pinning, LIBBPF_PIN_BY_NAME); } ${name} SEC(".maps");`;
const bytes = compileText(
  `${pinned}
SEC("xdp") int reads(struct xdp_md *c) {
	__u32 key = 0;
	__u64 *value = bpf_map_lookup_elem(&${name}, &key);
	return value ? *value : XDP_PASS;
}
SEC("xdp") int refused(struct xdp_md *c) {
	return *(__u8 *)(long)c->data; // ← here
}
SEC("tc") int turns(struct __sk_buff *c) {
	__u32 sum = c->len;
	for (int i = 0; i < 30000; i++) asm volatile("%0 += 1; %0 ^= 3" : "+r"(sum));
	return sum & 1;
}
SEC("something") int untyped(void *c) { return 0; }
`,
  { cpu: 'v3' },
);
const path = join(folder, 'several.bpf.o');
writeFileSync(path, bytes);

test('each program by itself: what was followed, what refused, what not asked; nothing stays', () => {
  const before = leftInKernel(name);
  const answers = verifyPrograms(parseObject(bytes, 'several'));
  assert.deepEqual(
    answers.map(({ name, type, error }) => [name, type, error?.code]),
    [
      ['reads', 'xdp', undefined],
      ['refused', 'xdp', 'VERIFIER'],
      ['turns', 'sched_cls', undefined],
      ['untyped', undefined, 'USAGE'],
    ],
  );
  const [reads, refused, turns, untyped] = answers;
  assert.ok((reads?.accepted?.instructions ?? 0) > 5);
  assert.ok((reads?.totals?.processed ?? 0) > 5);
  assert.deepEqual(reads?.totals?.stack, [8]);
  assert.ok((reads?.totals?.microseconds ?? 0) > 0);
  assert.ok((turns?.totals?.processed ?? 0) > 100_000, 'every turn is followed');
  assert.ok(refused?.error?.hint);
  assert.equal(untyped?.totals, undefined);
  assert.deepEqual(leftInKernel(name), before);
});

test('a log of every way is kept; where it is longer than is kept the program is accepted all the same', () => {
  const [short] = verifyPrograms(parseObject(bytes, 'several'), { program: 'reads', log: true });
  assert.match(short?.log ?? '', /^\d+: \(95\) exit/m);
  const [long] = verifyPrograms(parseObject(bytes, 'several'), { program: 'turns', log: true });
  assert.equal(long?.error, undefined);
  assert.ok((long?.log?.length ?? 0) > 15_000_000);
  assert.throws(() => verifyPrograms(parseObject(bytes, 'several'), { program: 'nothing' }), {
    code: 'PROGRAM_NOT_FOUND',
    hint: 'It has reads, refused, turns, untyped.',
  });
});

test('prog verify: a table of all, the mend of each that is refused, and the exit code 6', async () => {
  const { exitCode, stdout } = await runWords(['prog', 'verify', path]);
  assert.equal(exitCode, 6);
  assert.match(stdout, /^reads +xdp +accepts +\d+ +\d+ +\d+ +8 +[\d.]+ µs$/m);
  assert.match(stdout, /^refused +xdp +refuses /m);
  assert.match(stdout, /^untyped +\? +not asked$/m);
  assert.match(stdout, /^error: the verifier refused program "refused" at .*text\.c:8: /m);
  assert.match(stdout, /^> 8 \| {5}return \*\(__u8 \*\)\(long\)c->data; \/\/ ← here$/m);
  const check = 'if ((void *)(long)c->data + 1 > (void *)(long)c->data_end) return XDP_PASS;';
  assert.ok(stdout.includes(`\nhint: Prove it before that line: \`${check}\`\n`), stdout);
  const one = await runWords(['prog', 'verify', path, '--prog', 'reads']);
  assert.equal(one.exitCode, 0);
  const asked = await runWords(['prog', 'verify', path, '--prog', 'untyped']);
  assert.equal(asked.exitCode, 2);
  const typed = await runWords(['prog', 'verify', path, '--prog', 'untyped', '--type', 'xdp', '--log']);
  assert.equal(typed.exitCode, 0, typed.stdout);
  assert.match(typed.stdout, /^processed \d+ insns/m);
});

test('prog verify --json: one document with totals and diagnoses', async () => {
  const { exitCode, stdout, stderr } = await runWords(['prog', 'verify', path, '--json']);
  assert.deepEqual([exitCode, stderr], [6, '']);
  const { programs } = JSON.parse(stdout);
  assert.deepEqual(
    programs.map((each: { name: string; accepted: boolean }) => [each.name, each.accepted]),
    [
      ['reads', true],
      ['refused', false],
      ['turns', true],
      ['untyped', false],
    ],
  );
  assert.equal(programs[0].totals.stack[0], 8);
  assert.equal(programs[1].error.details.kind, 'packet-bounds');
  assert.deepEqual(programs[1].error.details.access, { memory: 'packet', offset: 0, size: 1, write: false });
  assert.equal(programs[3].error.code, 'USAGE');
});
