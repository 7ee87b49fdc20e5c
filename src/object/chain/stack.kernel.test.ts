/** What is counted here of the stack is what the verifier counts, and limits that are refused here it refuses too. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Attribute, bpf } from '../../kernel/bpf.js';
import { OpenedObject } from '../../loader/open.js';
import { commands } from '../../uapi/bpf.generated.js';
import { openText } from '../compile-text.test.support.js';
import { linkProgram } from '../link.js';
import type { ObjectSpec } from '../spec.js';
import { type ChainMember, chainProgramName, linkChain } from './link-chain.js';
import { frameSize, measureStack } from './stack.js';

/** Bytes of each function by the verifier's statistics, the main one first: "stack depth 0+16+24". */
function verifierDepths(code: Uint8Array): number[] {
  const log = new Uint8Array(new ArrayBuffer(1 << 16));
  // prog_type 0, insn_cnt 4, insns 8, license 16, log_level 24 (4: statistics only), log_size 28, log_buf 32
  const attribute = new Attribute(72)
    .u32(0, 6)
    .u32(4, code.length / 8)
    .pointer(8, code)
    .path(16, 'GPL')
    .u32(24, 4)
    .u32(28, log.length)
    .pointer(32, log);
  const fd = bpf(commands.prog_load, attribute.u32(68, 37));
  const text = Buffer.from(log).toString('utf8').replace(/\0.*$/s, '');
  assert.ok(fd >= 0, text);
  return (/stack depth ([\d+]+)/.exec(text)?.[1] ?? '').split('+').map(Number);
}

/** A function that writes so many bytes of stack, and hands them to a helper so that they stay. */
const using = (bytes: number, then = '0') => `{
  char buffer[${bytes}];
  __builtin_memset(buffer, 1, sizeof(buffer));
  bpf_get_current_comm(buffer, 1);
  asm volatile("" :: "r"(buffer) : "memory");
  return ${then};
}`;
const function_ = (name: string, bytes: number, then?: string) =>
  `static __attribute__((noinline)) int ${name}(struct xdp_md *ctx) ${using(bytes, then)}\n`;
const program = (name: string, bytes: number, then?: string) =>
  `SEC("xdp") int ${name}(struct xdp_md *ctx) ${using(bytes, then)}\n`;

test('bytes of each function, on programs of several shapes', () => {
  const sources = [
    function_('leaf', 24) + function_('middle', 40, 'leaf(ctx) + buffer[3]') + program('main_', 8, 'middle(ctx)'),
    program('alone', 100),
    'SEC("xdp") int none(struct xdp_md *ctx) { return XDP_PASS; }',
    'SEC("xdp") int one(struct xdp_md *ctx) { volatile __u64 a = 1; volatile __u8 b = 2; return a + b; }',
  ];
  for (const source of sources) {
    const { spec } = openText(source);
    const [first] = spec.programs;
    assert.ok(first);
    const { deepest } = measureStack(spec.functions, first.function);
    assert.deepEqual(
      deepest.map(({ bytes }) => bytes),
      verifierDepths(linkProgram(spec, first).code),
      source,
    );
  }
});

const member = (name: string, spec: ObjectSpec): ChainMember => {
  const [program] = spec.programs;
  assert.ok(program);
  return { name, spec, program, priority: 50, next: ['PASS'] };
};

test('the chain itself takes nothing of the stack: a member may have all of it', () => {
  const { spec } = linkChain([
    member('large', openText(program('large', 496)).spec),
    member('other', openText(program('other', 480)).spec),
  ]);
  using _loaded = new OpenedObject(spec).load();
});

test('more stack than there is: refused with a number for each member, as the kernel would', () => {
  const deep = openText(
    function_('inner', 200) + function_('outer', 200, 'inner(ctx) + buffer[3]') + program('deep', 200, 'outer(ctx)'),
  ).spec;
  const members = [member('deep', deep), member('small', openText(program('small', 8)).spec)];
  const [{ bytes }] = [measureStack(deep.functions, deep.programs[0]?.function ?? -1)];
  assert.equal(bytes, 3 * frameSize(200));
  assert.throws(() => linkChain(members), {
    code: 'CHAIN_LIMIT',
    message:
      /"deep" takes 624 bytes of stack in deep \(200\), which calls outer \(200\), which calls inner \(200\); 512/,
    hint: /"small" takes 16 bytes/,
  });
  assert.throws(() => new OpenedObject(deep).load(), { code: 'VERIFIER', message: /stack/ });
});

test('more frames than there are: refused, and one less runs', () => {
  const nested = (count: number) =>
    [
      ...Array.from({ length: count }, (_, index) =>
        function_(`f${index}`, 8, index === 0 ? '0' : `f${index - 1}(ctx) + buffer[1]`),
      ),
      program('top', 8, `f${count - 1}(ctx)`),
    ].join('');
  assert.throws(() => linkChain([member('top', openText(nested(7)).spec)]), {
    code: 'CHAIN_LIMIT',
    message: /"top" goes 8 calls deep, and with the call of the member itself 9; the kernel allows 8/,
  });
  const { spec } = linkChain([member('top', openText(nested(6)).spec)]);
  using _loaded = new OpenedObject(spec).load({ programs: [chainProgramName] });
});

test('a tail call below 256 bytes of stack is refused as the kernel would, above it is not', () => {
  const jumping = (bytes: number) =>
    openText(
      `struct { __uint(type, BPF_MAP_TYPE_PROG_ARRAY); __uint(max_entries, 1); __type(key, __u32); __type(value, __u32); } t SEC(".maps");
static __attribute__((noinline)) int jumps(struct xdp_md *ctx) { bpf_tail_call(ctx, &t, 0); return 1; }
${program('top', bytes, 'jumps(ctx)')}`,
    ).spec;
  assert.throws(() => linkChain([member('top', jumping(256))]), {
    code: 'CHAIN_LIMIT',
    message: /bpf_tail_call in jumps below 256 bytes/,
  });
  assert.throws(() => new OpenedObject(jumping(256)).load(), { code: 'VERIFIER' });
  using _loaded = new OpenedObject(linkChain([member('top', jumping(240))]).spec).load();
});
