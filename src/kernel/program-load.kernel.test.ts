import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openText } from '../object/compile-text.test.support.js';

const jumper = (section: string) =>
  openText(
    `struct { __uint(type, BPF_MAP_TYPE_PROG_ARRAY); __uint(max_entries, 1); __type(key, __u32); __type(value, __u32); } jumps SEC(".maps");
SEC("${section}") int jumper(struct xdp_md *ctx) { bpf_tail_call(ctx, &jumps, 0); return XDP_PASS; }`,
  );

test('a program array of programs of another sort: not the verifier is blamed', () => {
  using first = jumper('xdp.frags').load();
  const maps = new Map([['jumps', first.map('jumps')]]);
  jumper('xdp.frags').load({ maps })[Symbol.dispose]();
  assert.throws(() => jumper('xdp').load({ maps }), {
    code: 'SYSCALL',
    message: /^load program "jumper" \(xdp\), which the verifier accepts: Invalid argument \(EINVAL\)/,
    hint: /program array .* of another sort: .* SEC\("xdp\.frags"\) or without/,
  });
});
