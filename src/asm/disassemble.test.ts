import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { disassemble } from './disassemble.js';
import { decodeInstructions } from './instruction.js';

/** `hex` as in a dump of the object: 8 bytes, or 16 for the 64-bit load. */
function textOf(hex: string): string {
  const [instruction, ...more] = decodeInstructions(Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex')), true);
  assert.ok(instruction && more.length === 0);
  return disassemble(instruction);
}

const known: readonly (readonly [bytes: string, text: string])[] = [
  ['b7 00 0000 02000000', '(b7) r0 = 2'],
  ['b4 01 0000 ffffffff', '(b4) w1 = -1'],
  ['0f 21 0000 00000000', '(0f) r1 += r2'],
  ['c7 03 0000 20000000', '(c7) r3 s>>= 32'],
  ['87 04 0000 00000000', '(87) r4 = -r4'],
  ['84 04 0000 00000000', '(84) w4 = -w4'],
  ['3f 21 0100 00000000', '(3f) r1 s/= r2'],
  ['94 01 0100 07000000', '(94) w1 s%= 7'],
  ['bf 21 0800 00000000', '(bf) r1 = (s8)r2'],
  ['bc 21 1000 00000000', '(bc) w1 = (s16)w2'],
  ['bf 21 0100 00000100', '(bf) r1 = addr_space_cast(r2, 1, 0)'],
  ['bf 21 ffff 00000000', '(bf) r1 = &(void __percpu *)(r2)'],
  ['dc 01 0000 10000000', '(dc) r1 = be16 r1'],
  ['d4 01 0000 40000000', '(d4) r1 = le64 r1'],
  ['d7 01 0000 20000000', '(d7) r1 = bswap32 r1'],
  ['61 10 0400 00000000', '(61) r0 = *(u32 *)(r1 +4)'],
  ['91 10 0400 00000000', '(91) r0 = *(s8 *)(r1 +4)'],
  ['7b 1a f8ff 00000000', '(7b) *(u64 *)(r10 -8) = r1'],
  ['72 0a ffff ffffffff', '(72) *(u8 *)(r10 -1) = -1'],
  ['30 00 0000 0c000000', '(30) r0 = *(u8 *)skb[12]'],
  ['48 20 0000 0c000000', '(48) r0 = *(u16 *)skb[r2 + 12]'],
  ['db 21 0000 00000000', '(db) lock *(u64 *)(r1 +0) += r2'],
  ['c3 21 0000 a0000000', '(c3) lock *(u32 *)(r1 +0) ^= r2'],
  ['db 21 0800 01000000', '(db) r2 = atomic64_fetch_add((u64 *)(r1 +8), r2)'],
  ['c3 21 0800 e1000000', '(c3) r2 = atomic_xchg((u32 *)(r1 +8), r2)'],
  ['db 21 0800 f1000000', '(db) r0 = atomic64_cmpxchg((u64 *)(r1 +8), r0, r2)'],
  ['cb 21 0800 00010000', '(cb) r1 = load_acquire((u16 *)(r2 +8))'],
  ['d3 21 0800 10010000', '(d3) store_release((u8 *)(r1 +8), r2)'],
  ['2d 21 0500 00000000', '(2d) if r1 > r2 goto pc+5'],
  ['56 01 fdff ffffffff', '(56) if w1 != 0xffffffff goto pc-3'],
  ['05 00 0300 00000000', '(05) goto pc+3'],
  ['06 00 0000 00000100', '(06) gotol pc+65536'],
  ['0d 03 0000 00000000', '(0d) gotox r3'],
  ['e5 00 0700 00000000', '(e5) may_goto pc+7'],
  ['85 00 0000 01000000', '(85) call bpf_map_lookup_elem#1'],
  ['85 00 0000 ffff0000', '(85) call unknown#65535'],
  ['85 10 0000 05000000', '(85) call pc+5'],
  ['85 20 0000 07000000', '(85) call kernel-function#7'],
  ['95 00 0000 00000000', '(95) exit'],
  ['c2 00 0000 00000000', '(c2) nospec'],
  ['18 01 0000 07000000 00 00 0000 01000000', '(18) r1 = 0x100000007'],
  ['ff 00 0000 00000000', '(ff) unknown'],
  ['8d 00 0000 00000000', '(8d) unknown'],
  ['99 10 0000 00000000', '(99) unknown'],
  ['db 21 0000 33000000', '(db) unknown'],
];

test('each form has the text that the kernel gives it', () => {
  for (const [bytes, text] of known) assert.equal(textOf(bytes), text, bytes);
});

test('surroundings name what an instruction only numbers', () => {
  const names = { call: () => '+5#count', wideImmediate: () => 'map[id:5]' };
  const plain = { destination: 1, source: 1, offset: 0 };
  assert.equal(disassemble({ ...plain, opcode: 0x85, immediate: 5 }, names), '(85) call pc+5#count');
  assert.equal(disassemble({ ...plain, opcode: 0x18, immediate: 5n }, names), '(18) r1 = map[id:5]');
});

test('any eight bytes give one line of text', () => {
  const slot = fc.uint8Array({ minLength: 8, maxLength: 8 });
  const bytes = slot.map((one) => (one[0] === 0x18 ? new Uint8Array([...one, 0, 0, 0, 0, ...one.slice(4)]) : one));
  fc.assert(
    fc.property(bytes, (code) => {
      const [instruction] = decodeInstructions(code, true);
      assert.ok(instruction);
      const text = disassemble(instruction);
      assert.match(text, /^\([0-9a-f]{2}\) [ -~]+$/);
      assert.doesNotMatch(text, /undefined|NaN|null/);
    }),
    { numRuns: 5000 },
  );
});
