/**
 * Instructions as plain data. Source: Linux `Documentation/bpf/standardization/instruction-set.rst`, "Instruction
 * encoding".
 */
import { Cursor } from '../bytes/cursor.js';
import { XdpkitError } from '../errors/error.js';
import { instructionSize, opcode as opcodes } from './opcodes.js';

export interface Instruction {
  readonly opcode: number;
  /** 0 to 10. */
  readonly destination: number;
  /** A register, or what a call or 64-bit load means (`callKind`, `immediateKind`). */
  readonly source: number;
  /** Signed 16 bits; jumps count instructions from the one after themselves. */
  readonly offset: number;
  /** Signed 32 bits; for the 64-bit load, which takes two slots, an unsigned bigint of both halves. */
  readonly immediate: number | bigint;
}

/**
 * Throws `FormatError` for bytes that are no whole number of instructions, and for a 64-bit load whose second slot is
 * missing or says more than an immediate (the kernel refuses it as well).
 */
export function decodeInstructions(bytes: Uint8Array, littleEndian: boolean): Instruction[] {
  const cursor = new Cursor(bytes, 'BPF code', { littleEndian });
  const instructions: Instruction[] = [];
  while (cursor.remaining > 0) {
    const opcode = cursor.u8();
    const registers = cursor.u8();
    const [destination, source] = littleEndian ? [registers & 15, registers >> 4] : [registers >> 4, registers & 15];
    const offset = (cursor.u16() << 16) >> 16;
    const low = cursor.i32();
    const immediate = opcode === opcodes.loadImmediate64 ? wideImmediate(cursor, low) : low;
    instructions.push({ opcode, destination, source, offset, immediate });
  }
  return instructions;
}

function wideImmediate(cursor: Cursor, low: number): bigint {
  const at = cursor.offset;
  if (cursor.u32() !== 0) throw cursor.error('the second half of a 64-bit load holds more than an immediate', at);
  return (BigInt(cursor.u32()) << 32n) | BigInt(low >>> 0);
}

/** The exact bytes that `decodeInstructions` read. Throws `XdpkitError` USAGE for a field out of its range. */
export function encodeInstructions(instructions: readonly Instruction[], littleEndian: boolean): Uint8Array {
  const slots = instructions.reduce((sum, { opcode }) => sum + (opcode === opcodes.loadImmediate64 ? 2 : 1), 0);
  const bytes = new Uint8Array(slots * instructionSize);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const instruction of instructions) {
    checkRanges(instruction);
    const { opcode, destination, source, offset, immediate } = instruction;
    view.setUint8(at, opcode);
    view.setUint8(at + 1, littleEndian ? destination | (source << 4) : (destination << 4) | source);
    view.setInt16(at + 2, offset, littleEndian);
    if (opcode === opcodes.loadImmediate64) {
      const wide = BigInt.asUintN(64, BigInt(immediate));
      view.setUint32(at + 4, Number(wide & 0xffff_ffffn), littleEndian);
      view.setUint32(at + 12, Number(wide >> 32n), littleEndian);
      at += instructionSize;
    } else {
      view.setInt32(at + 4, Number(immediate), littleEndian);
    }
    at += instructionSize;
  }
  return bytes;
}

function checkRanges({ opcode, destination, source, offset, immediate }: Instruction): void {
  const wide = opcode === opcodes.loadImmediate64;
  const fits =
    within(opcode, 0, 0xff) &&
    within(destination, 0, 15) &&
    within(source, 0, 15) &&
    within(offset, -0x8000, 0x7fff) &&
    (wide
      ? BigInt.asUintN(64, BigInt(immediate)) === BigInt(immediate) ||
        BigInt.asIntN(64, BigInt(immediate)) === BigInt(immediate)
      : typeof immediate === 'number' && within(immediate, -0x8000_0000, 0x7fff_ffff));
  if (fits) return;
  const fields = `opcode ${opcode}, destination ${destination}, source ${source}, offset ${offset}, immediate ${immediate}`;
  throw new XdpkitError('USAGE', `An instruction cannot be encoded, since a field is out of its range: ${fields}`);
}

function within(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most;
}
