import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { XdpkitError } from '../errors/error.js';
import { assemble, call, exit, load, loadImmediate64, mov, movRegister, store, storeImmediate } from './assemble.js';
import { decodeInstructions, encodeInstructions, type Instruction } from './instruction.js';
import { opcode } from './opcodes.js';

const register = fc.integer({ min: 0, max: 15 });
const plain = { noNullPrototype: true };
const instruction: fc.Arbitrary<Instruction> = fc.oneof(
  fc.record(
    {
      opcode: fc.integer({ min: 0, max: 255 }).filter((code) => code !== opcode.loadImmediate64),
      destination: register,
      source: register,
      offset: fc.integer({ min: -0x8000, max: 0x7fff }),
      immediate: fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }),
    },
    plain,
  ),
  fc.record(
    {
      opcode: fc.constant(opcode.loadImmediate64),
      destination: register,
      source: register,
      offset: fc.integer({ min: -0x8000, max: 0x7fff }),
      immediate: fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }),
    },
    plain,
  ),
);

test('decoding gives back what was encoded, in both byte orders', () => {
  fc.assert(
    fc.property(fc.array(instruction), fc.boolean(), (instructions, littleEndian) => {
      assert.deepEqual(decodeInstructions(encodeInstructions(instructions, littleEndian), littleEndian), instructions);
    }),
  );
});

/** Some 64-bit loads, complete and not; most lengths are a whole number of instructions. */
const slot = fc.oneof(
  fc.uint8Array({ minLength: 8, maxLength: 8 }),
  fc.tuple(fc.nat(255), fc.nat(255)).map(([registers, byte]) => new Uint8Array([24, registers, 0, 0, byte, 0, 0, 1])),
  fc.nat(255).map((byte) => new Uint8Array([0, 0, 0, 0, byte, 0, 0, 2])),
);
const code = fc
  .tuple(fc.array(slot), fc.constantFrom(0, 0, 0, 3))
  .map(([slots, extra]) => new Uint8Array([...slots.flatMap((bytes) => [...bytes]), ...new Uint8Array(extra)]));

test('encoding gives back the bytes that were decoded, and other bytes are refused', () => {
  fc.assert(
    fc.property(code, fc.boolean(), (bytes, littleEndian) => {
      let decoded: Instruction[];
      try {
        decoded = decodeInstructions(bytes, littleEndian);
      } catch (error) {
        assert.ok(error instanceof XdpkitError && error.code === 'MALFORMED');
        return;
      }
      assert.deepEqual(encodeInstructions(decoded, littleEndian), bytes);
    }),
    { numRuns: 2000 },
  );
});

test('builders give the bytes that the instruction set standard asks for', () => {
  const hex = (bytes: Uint8Array) =>
    Buffer.from(bytes)
      .toString('hex')
      .replace(/(.{16})(?=.)/g, '$1 ');
  assert.equal(hex(assemble(mov(0, 2), exit())), 'b700000002000000 9500000000000000');
  assert.equal(hex(assemble(movRegister(1, 10), call(14))), 'bfa1000000000000 850000000e000000');
  assert.equal(hex(assemble(loadImmediate64(2, 0x1_0000_0007n, 'mapDescriptor'))), '1812000007000000 0000000001000000');
  assert.equal(hex(assemble(load('word', 0, 1, 4), store('double', 10, -8, 1))), '6110040000000000 7b1af8ff00000000');
  assert.equal(hex(assemble(storeImmediate('byte', 10, -1, -1))), '720affffffffffff');
});

test('a field out of its range is refused, not cut', () => {
  for (const wrong of [
    mov(16, 0),
    mov(0, 2 ** 31),
    mov(0, 1.5),
    load('byte', 0, 1, 0x8000),
    loadImmediate64(0, 1n << 64n),
  ]) {
    assert.throws(() => assemble(wrong), { code: 'USAGE' });
  }
});
