/**
 * One source by two compilers, at three levels of optimisation, for each version of the instruction set and both byte
 * orders: all are read, round-tripped and put into words, and those of this machine return the same number.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeInstructions, disassemble, encodeInstructions } from '../asm/index.js';
import { kernelOlderThan } from '../linux/kernel-release.js';
import { parseObject } from '../loader/open.js';
import { compileText, type TextOptions } from '../object/compile-text.test.support.js';
import type { ObjectSpec } from '../object/spec.js';
import { runProgram } from './test-run.js';

const source = (version: number) => `
#define noinline __attribute__((noinline))
struct pair { signed char small; short half; int word; long long wide; };
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __type(key, __u32); __type(value, struct pair); __uint(max_entries, 4); } pairs SEC(".maps");
const volatile long long divisor = -7;
const volatile int small_divisor = -3;
struct pair start = { -5, -300, -70000, -5000000000ll };
__u64 counted;
static volatile __u32 order = 0x01020304;

static noinline long long signs(volatile struct pair *from) { return from->small + from->half + from->word + from->wide; }
static noinline long long divide(long long value, int by) {
${version >= 4 ? '  return value / divisor + value % divisor + (int)value / by;' : '  return (__u64)-value / 7 - (__u64)-value % 7 + (__u32)(-(int)value) / (__u32)-by;'}
}
noinline __u64 swapped(__u64 value) {
  return __builtin_bswap64(value) ^ __builtin_bswap32(order) ^ __builtin_bswap16((__u16)value);
}
static long each(__u32 index, __u64 *sum) { *sum += index; return 0; }

SEC("socket") int checksum(struct __sk_buff *context) {
  __u32 key = 1;
  struct pair *pair = bpf_map_lookup_elem(&pairs, &key);
  __u64 sum = 0;
  if (!pair) return 1;
  *pair = start;
  sum += signs(pair);
  sum += divide(start.wide, small_divisor);
  sum ^= swapped(0x1122334455667788ull);
  for (int index = 0; index < 10; index++) if ((__u32)(order >> index) > 99u && (int)(order - index) != 3) sum += index;
  __sync_fetch_and_add(&counted, 3);
${version >= 3 ? '  sum += __sync_fetch_and_add(&counted, 4); sum += __sync_lock_test_and_set(&counted, 9); sum += __sync_val_compare_and_swap(&counted, 9, 11);' : '  sum += 3 + 7 + 9;'}
${version >= 4 ? '  asm volatile("gotol l0_%=; l0_%=:" ::: "memory");' : ''}
  bpf_loop(5, each, &sum, 0);
  counted = sum;
  return (__u32)sum & 0xffff;
}
`;

/** What the source says, in numbers without end; sets the bytes of both `bswap`s by hand. */
function expected(): bigint {
  const mask = (value: bigint) => BigInt.asUintN(64, value);
  const wide = -5_000_000_000n;
  let sum = mask(-5n - 300n - 70_000n + wide);
  const low = BigInt.asIntN(32, wide);
  sum = mask(sum + wide / -7n + (wide % -7n) + low / -3n);
  sum ^= 0x8877665544332211n ^ 0x04030201n ^ 0x8877n;
  const order = 0x01020304n;
  for (let index = 0n; index < 10n; index++) if (order >> index > 99n && order - index !== 3n) sum = mask(sum + index);
  return mask(sum + 3n + 7n + 9n + 0n + 1n + 2n + 3n + 4n);
}

/** Decodes, encodes and disassembles everything; the shapes of the texts that were seen. */
function walk(spec: ObjectSpec): Set<string> {
  const littleEndian = spec.byteOrder === 'little';
  const shapes = new Set<string>();
  for (const { code, name } of spec.functions) {
    const instructions = decodeInstructions(code, littleEndian);
    assert.deepEqual(encodeInstructions(instructions, littleEndian), new Uint8Array(code), name);
    for (const instruction of instructions) {
      const text = disassemble(instruction).slice(5);
      assert.doesNotMatch(text, /unknown/, name);
      shapes.add(text.replace(/0x[0-9a-f]+|[+-]?\d+/g, '#'));
    }
  }
  return shapes;
}

const compilers: readonly { readonly compiler?: 'clang-19'; readonly newest: number }[] = [
  { newest: 3 },
  { compiler: 'clang-19', newest: 4 },
];
/** What each version of the instruction set brought, as far as compilers make use of it. */
const brought: Readonly<Record<number, readonly string[]>> = {
  2: [],
  3: ['r# = atomic#_fetch_add((u# *)(r# #), r#)', 'r# = atomic#_cmpxchg((u# *)(r# #), r#, r#)'],
  4: ['r# = *(s# *)(r# #)', 'r# = bswap# r#', 'r# s/= r#', 'r# s%= r#', 'w# s/= w#', 'gotol pc#'],
};

for (const { compiler, newest } of compilers) {
  for (let version = 1; version <= newest; version++) {
    const cpu = `v${version}` as NonNullable<TextOptions['cpu']>;
    const skip = version === 4 && kernelOlderThan('6.6') && 'the fourth version came with Linux 6.6';
    test(`${compiler ?? 'clang'}, cpu ${cpu}, -O1 to -O3, both byte orders`, { skip }, () => {
      for (const optimise of ['-O1', '-O2', '-O3'] as const) {
        const options = { cpu, compiler, optimise };
        const here = parseObject(compileText(source(version), options), 'here.o');
        const shapes = walk(here.spec);
        for (const shape of brought[version] ?? [])
          assert.ok(shapes.has(shape), `${shape} in ${[...shapes].join('\n')}`);
        using loaded = here.load();
        const { verdict } = runProgram(loaded.program('checksum'), { data: new Uint8Array(64) });
        assert.equal(loaded.globals.counted, expected(), optimise);
        assert.equal(BigInt(verdict), expected() & 0xffffn);

        const foreign = parseObject(compileText(source(version), { ...options, target: 'bpfeb' }), 'there.o');
        walk(foreign.spec);
        assert.deepEqual(
          foreign.spec.programs.map(({ name, type }) => [name, type]),
          here.spec.programs.map(({ name, type }) => [name, type]),
        );
        assert.deepEqual(
          foreign.spec.functions.map(({ name }) => name),
          here.spec.functions.map(({ name }) => name),
        );
        assert.equal(foreign.globals.divisor, -7n, 'a foreign file’s variables are read in its byte order');
        assert.throws(() => foreign.load(), { code: 'BYTE_ORDER', message: /was compiled for big-endian machines/ });
      }
    });
  }
}

for (const compiler of [undefined, 'clang-19'] as const) {
  test(`constants without names, weak functions and externs, two licences (${compiler ?? 'clang'})`, () => {
    const text = `
      struct four { unsigned int a[4]; };
      struct eight { unsigned long long a[4]; };
      char second_license[] SEC("license") = "GPL";
      extern int absent_everywhere(int) __attribute__((weak)) __ksym;
      __attribute__((noinline)) int take(struct four *from, unsigned int index) { return from ? from->a[index & 3] : 0; }
      __attribute__((weak, noinline)) int one_more(int number) { return number + 1; }
      SEC("xdp") int sum(struct xdp_md *context) {
        struct four four = { { 1, 2, 3, 4 } };
        struct eight eight = { { 5, 6, 7, 8 } };
        volatile struct eight copy = eight;
        int found = absent_everywhere ? absent_everywhere(1) : 0;
        return take(&four, context->rx_queue_index + 2) + copy.a[1] + one_more(3) + found;
      }
      SEC("some.other.section") int unknown(struct xdp_md *context) { return 0; }`;
    const object = parseObject(compileText(text, { compiler }), 'constants.o');
    assert.deepEqual(
      object.spec.maps.map(({ name, valueSize, readOnly }) => [name, valueSize, readOnly]),
      [
        ['.rodata.cst16', 16, true],
        ['.rodata.cst32', 32, true],
      ],
    );
    assert.equal(object.spec.license, 'GPL');
    using loaded = object.load();
    assert.deepEqual([...loaded.programs.keys()], ['sum']);
    assert.equal(runProgram(loaded.program('sum'), { data: new Uint8Array(64) }).verdict, 3 + 6 + 4);
  });
}
