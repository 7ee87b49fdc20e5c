/** Writing an answer into the instruction that asked. Source: libbpf `src/relo_core.c` (`bpf_core_patch_insn`). */

import { accessSize, instructionClass, instructionSize, opcode, operand } from '../../asm/opcodes.js';
import type { Btf } from '../../btf/btf.js';
import type { BtfType } from '../../btf/types.js';
import type { Pair } from './compatible.js';
import type { Value } from './value.js';

/** Code in place. */
export interface Code {
  readonly view: DataView;
  readonly littleEndian: boolean;
}

/**
 * What became of an instruction: `impossible` (a sentence that begins with the target) must never run but may be dead
 * code, `refused` fits neither the object's own types nor the instruction set.
 */
export type Patched = undefined | { readonly impossible: string } | { readonly refused: string };

const furthestOffset = 0x7fff;

/** `at` counts instructions; `before` is what the object's own types answer. */
export function patchInstruction(
  { view, littleEndian }: Code,
  at: number,
  pair: Pair,
  before: Value,
  after: Value,
): Patched {
  const byte = at * instructionSize;
  const code = view.getUint8(byte);
  switch (code & 7) {
    case instructionClass.alu32:
    case instructionClass.alu64: {
      if ((code & operand.register) !== operand.immediate) return { refused: 'its operand is a register' };
      const problem = unexpected(BigInt(view.getInt32(byte + 4, littleEndian)), before);
      if (problem) return problem;
      if (BigInt.asIntN(32, after.value) !== after.value) {
        return { refused: `the answer ${after.value} does not fit its 32 bits` };
      }
      view.setInt32(byte + 4, Number(after.value), littleEndian);
      return undefined;
    }
    case instructionClass.loadRegister:
    case instructionClass.storeImmediate:
    case instructionClass.storeRegister: {
      const problem = unexpected(BigInt(view.getInt16(byte + 2, littleEndian)), before);
      if (problem) return problem;
      if (after.value > furthestOffset) {
        return { refused: `the field is at ${after.value} now, and a load or store reaches ${furthestOffset} at most` };
      }
      const size = accessFor(code, pair, before, after);
      if (typeof size !== 'number') return size;
      view.setUint8(byte, size);
      view.setInt16(byte + 2, Number(after.value), littleEndian);
      return undefined;
    }
    default:
      return patchWide(view, littleEndian, byte, before, after);
  }
}

function patchWide(view: DataView, littleEndian: boolean, byte: number, before: Value, after: Value): Patched {
  const plain =
    view.getUint8(byte) === opcode.loadImmediate64 &&
    byte + 2 * instructionSize <= view.byteLength &&
    sourceOf(view.getUint8(byte + 1), littleEndian) === 0 &&
    view.getUint16(byte + 2) === 0 &&
    view.getUint32(byte + instructionSize) === 0;
  if (!plain) return { refused: 'it is none that can hold an answer' };
  const low = view.getUint32(byte + 4, littleEndian);
  const found = (BigInt(view.getUint32(byte + 12, littleEndian)) << 32n) | BigInt(low);
  // Of an unsigned enum clang leaves the upper half empty.
  const zeroExtended = before.value < 0n && found === BigInt.asUintN(32, before.value);
  const problem = zeroExtended
    ? undefined
    : unexpected(BigInt.asIntN(64, found), { ...before, value: BigInt.asIntN(64, before.value) });
  if (problem) return problem;
  const narrow = zeroExtended && BigInt.asIntN(32, after.value) === after.value;
  const written = BigInt.asUintN(narrow ? 32 : 64, after.value);
  view.setUint32(byte + 4, Number(written & 0xffff_ffffn), littleEndian);
  view.setUint32(byte + 12, Number(written >> 32n), littleEndian);
  return undefined;
}

function sourceOf(registers: number, littleEndian: boolean): number {
  return littleEndian ? registers >> 4 : registers & 15;
}

function unexpected(found: bigint, before: Value): { refused: string } | undefined {
  if (!before.certain || found === before.value) return undefined;
  return { refused: `it holds ${found}, and by the object's own types the answer is ${before.value}` };
}

const sizes = new Map<number, number>([
  [1, accessSize.byte],
  [2, accessSize.half],
  [4, accessSize.word],
  [8, accessSize.double],
]);
const sizeMask = 0x18;

/** The opcode with the field's new size. Only what widens with zeroes may change it: pointers, unsigned integers. */
function accessFor(code: number, pair: Pair, before: Value, after: Value): number | NonNullable<Patched> {
  const [old, now] = [before.memory?.bytes ?? 0, after.memory?.bytes ?? 0];
  if (old === now) return code;
  const [type, newType] = [typeOf(pair.local, before), typeOf(pair.target, after)];
  const widens =
    (type?.kind === 'pointer' && newType?.kind === 'pointer') || (isPlainInteger(type) && isPlainInteger(newType));
  if (!widens) {
    const words = (btf: Btf, { memory }: Value) =>
      memory ? `${btf.nameOf(memory.type)} (${memory.bytes} bytes)` : 'a bitfield';
    return {
      impossible: `has ${words(pair.target, after)} where the object has ${words(pair.local, before)}; a load or store adapts to another size only for pointers and unsigned integers`,
    };
  }
  const size = sizes.get(now);
  if (sizes.get(old) !== (code & sizeMask))
    return { refused: `it does not access the ${old} bytes that the field has` };
  if (size === undefined) return { refused: `no load or store accesses ${now} bytes` };
  return (code & ~sizeMask) | size;
}

function typeOf(btf: Btf, { memory }: Value): BtfType | undefined {
  return memory && btf.type(memory.type);
}

function isPlainInteger(type: BtfType | undefined): boolean {
  return type?.kind === 'int' && !type.signed;
}

/** As libbpf's: the verifier names it in its log, and forgets it where the code is dead. */
export const poisonedHelper = 0xbad2310;

/** Turns an instruction, both slots of a wide one, into a call of a helper that no kernel has. */
export function poisonInstruction({ view, littleEndian }: Code, at: number): void {
  const byte = at * instructionSize;
  const wide = view.getUint8(byte) === opcode.loadImmediate64;
  for (const slot of wide && byte + 2 * instructionSize <= view.byteLength ? [byte, byte + instructionSize] : [byte]) {
    view.setUint32(slot, 0);
    view.setUint8(slot, opcode.call);
    view.setInt32(slot + 4, poisonedHelper, littleEndian);
  }
}
