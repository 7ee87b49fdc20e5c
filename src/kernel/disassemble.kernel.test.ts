/** The witness of the disassembler's words is the running kernel: its verifier logs each instruction that it looks at. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { assemble, disassemble, encodeInstructions, exit, type Instruction, mov, movRegister } from '../asm/index.js';
import { systemCall } from '../linux/syscalls.js';
import { commands, programTypes } from '../uapi/bpf.generated.js';
import { Attribute, bpf } from './bpf.js';

const offset = fc.constantFrom(-32768, -9, -8, -1, 0, 1, 2, 3, 4, 8, 16, 32, 32767);
const immediate = fc.oneof(
  fc.constantFrom(0, 1, 7, 16, 32, 64, 0x40, 0x41, 0x50, 0x51, 0xa0, 0xa1, 0xe1, 0xf1, 0x100, 0x110),
  fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }),
  fc.integer({ min: 0, max: 230 }),
);
/** Every other one is an atomic operation, or one that newer kernels have. */
const opcode = fc.oneof(
  fc.integer({ min: 0, max: 255 }),
  fc.constantFrom(0xdb, 0xc3, 0xcb, 0xd3, 0xbf, 0xbc, 0x3f, 0x37, 0x9c, 0x94, 0x81, 0x89, 0x91, 0xd7, 0xe5, 0x06),
);
const instruction: fc.Arbitrary<Instruction> = fc
  .record({
    opcode,
    destination: fc.integer({ min: 0, max: 10 }),
    source: fc.integer({ min: 0, max: 10 }),
    offset,
    immediate,
  })
  .map((one) => (one.opcode === 0x18 ? { ...one, source: 0, immediate: BigInt(one.immediate >>> 0) << 16n } : one))
  // Calls of functions and kernel functions are resolved by what surrounds them.
  .map((one) => (one.opcode === 0x85 ? { ...one, source: 0 } : one));

/** Both ways out of the jump before it reach what follows, whatever the instruction does. */
function around(one: Instruction): { readonly code: Uint8Array; readonly at: number } {
  const slots = one.opcode === 0x18 ? 2 : 1;
  const before = [...[0, 2, 3, 4, 5, 6, 7, 8, 9].map((register) => mov(register, 1)), movRegister(2, 10)];
  const skip: Instruction = { opcode: 0x15, destination: 9, source: 0, offset: slots, immediate: 0 };
  const after = Array.from({ length: 36 }, () => mov(0, 0));
  return { code: encodeInstructions([...before, skip, one, ...after, exit()], true), at: before.length + 1 };
}

function verifierLog(code: Uint8Array): string {
  const log = new Uint8Array(new ArrayBuffer(1 << 20));
  // prog_type 0, insn_cnt 4, insns 8, license 16, log_level 24, log_size 28, log_buf 32
  const attribute = new Attribute(128)
    .u32(0, programTypes.socket_filter)
    .u32(4, code.length / 8)
    .pointer(8, code);
  attribute.path(16, 'GPL').u32(24, 2).u32(28, log.length).pointer(32, log);
  const result = bpf(commands.prog_load, attribute);
  if (result >= 0) systemCall('close', result);
  return Buffer.from(log.subarray(0, log.indexOf(0))).toString();
}

/** What the kernel wrote of the instruction at `at`; undefined where it gave up before it came to it. */
function kernelText(log: string, at: number): string | undefined {
  const line = log.split('\n').find((each) => each.startsWith(`${at}: (`));
  return line
    ?.replace(/^\d+: /, '')
    .replace(/ *;.*$/, '')
    .trimEnd();
}

const rareForms = [
  'r# = (s#)r#',
  'w# = (s#)w#',
  'r# = addr_space_cast(r#, #, #)',
  'r# s/= r#',
  'w# s%= w#',
  'r# = *(s# *)(r# #)',
  'r# = bswap# r#',
  'r# = be# r#',
  'r# = le# r#',
  'may_goto pc#',
  'gotol pc#',
  'lock *(u# *)(r# #) += r#',
  'r# = atomic#_fetch_or((u# *)(r# #), r#)',
  'r# = atomic_xchg((u# *)(r# #), r#)',
  'r# = atomic#_cmpxchg((u# *)(r# #), r#, r#)',
  'r# = load_acquire((u# *)(r# #))',
  'store_release((u# *)(r# #), r#)',
  'r# = *(u# *)skb[r# + #]',
];

test('random instructions read as in the log of the verifier', () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(instruction, (one) => {
      const { code, at } = around(one);
      const text = kernelText(verifierLog(code), at);
      if (text === undefined) return;
      // It prints words that it lacks as `(null)`, before it refuses the instruction.
      const expected = text.includes('(null)') ? `${text.slice(0, 4)} unknown` : text;
      assert.equal(disassemble(one), expected, Buffer.from(assemble(one)).toString('hex'));
      // The shape of the text, to know which forms the kernel was a witness of.
      seen.add(
        expected
          .slice(5)
          .replace(/0x[0-9a-f]+|[+-]?\d+/g, '#')
          .replace(/bpf_\w+/, 'helper'),
      );
    }),
    { numRuns: 15_000 },
  );
  for (const form of rareForms) assert.ok(seen.has(form), `the kernel never showed ${form}`);
  assert.ok(seen.size > 100, `the kernel only showed ${seen.size} forms`);
});
