/**
 * What a relocation's question is answered with, in the object's own types (so that the instruction can be checked) and
 * in the target's (what it becomes). Source: libbpf `src/relo_core.c` (`bpf_core_calc_field_relo` and its neighbours),
 * `src/bpf_core_read.h`.
 */
import type { Btf } from '../../btf/btf.js';
import type { TypeId } from '../../btf/types.js';
import { type Access, isEnum } from './access.js';
import { isComposite } from './compatible.js';
import type { FieldQuestion, RelocationKind } from './kinds.js';

export interface Value {
  readonly value: bigint;
  /** Whether a compiler cannot but have seen it so; how it reads a bitfield is left to it. */
  readonly certain: boolean;
  /** What a load or store of the field touches; none for bitfields and questions other than the offset. */
  readonly memory?: { readonly bytes: number; readonly type: TypeId };
}

export const absent: Value = { value: 0n, certain: true };
export const present: Value = { value: 1n, certain: true };

/** The answer for what is there. Throws `FormatError` for damaged types, a sentence's end for what cannot be read. */
export function valueFor(btf: Btf, access: Access, kind: RelocationKind): Value | { readonly problem: string } {
  switch (kind.of) {
    case 'type':
      return typeValue(btf, access, kind.question);
    case 'enumerator':
      return kind.question === 'exists' ? present : { value: enumeratorValue(btf, access), certain: true };
    case 'field':
      return kind.question === 'exists' ? present : fieldValue(btf, access, kind.question);
  }
}

function typeValue(
  btf: Btf,
  { root }: Access,
  question: Extract<RelocationKind, { of: 'type' }>['question'],
): Value | { problem: string } {
  switch (question) {
    case 'exists':
    case 'matches':
      return present;
    case 'size':
      return { value: BigInt(btf.sizeOf(root)), certain: true };
    case 'local-id':
    case 'target-id':
      // Ids move when objects are linked, so that the one in the instruction says nothing.
      return { value: BigInt(root), certain: false };
  }
}

/** Registers hold it as a signed number: compilers before LLVM 15 did not mark enums as signed. */
function enumeratorValue(btf: Btf, { root, enumerator }: Access): bigint {
  const type = btf.type(btf.resolve(root));
  const value = isEnum(type) ? (type.values[enumerator]?.value ?? 0n) : 0n;
  return type.kind === 'enum' ? BigInt.asIntN(32, value) : value;
}

function fieldValue(
  btf: Btf,
  { root, steps, bitOffset }: Access,
  question: Exclude<FieldQuestion, 'exists'>,
): Value | { problem: string } {
  const last = steps[steps.length - 1];
  if (last?.kind !== 'member') return elementValue(btf, last?.type ?? root, bitOffset, question);
  const struct = btf.type(last.struct);
  const member = isComposite(struct) ? struct.members[last.index] : undefined;
  if (!member) throw btf.error(last.struct, `has no member ${last.index}`);
  const fieldType = btf.resolve(member.type);
  const type = btf.type(fieldType);
  if (question === 'signed') {
    return { value: (isEnum(type) || type.kind === 'int') && type.signed ? 1n : 0n, certain: true };
  }
  if (member.bitSize === 0) {
    const bytes = btf.sizeOf(fieldType);
    const place = { start: Math.floor(bitOffset / 8), bytes };
    return answer(place, bitOffset, bytes * 8, question, btf, fieldType);
  }
  if (type.kind !== 'int' && !isEnum(type)) throw btf.error(last.struct, `has a bitfield ${member.name} of no integer`);
  const place = bitfieldPlace(bitOffset, member.bitSize, type.size);
  if (!place) return { problem: 'it is a bitfield that no load of 8 bytes reads whole' };
  return answer(place, bitOffset, member.bitSize, question, btf);
}

function elementValue(btf: Btf, type: TypeId, bitOffset: number, question: FieldQuestion): Value | { problem: string } {
  const bytes = btf.sizeOf(type);
  switch (question) {
    case 'offset':
      return { value: BigInt(Math.floor(bitOffset / 8)), certain: true, memory: { bytes, type } };
    case 'size':
      return { value: BigInt(bytes), certain: true };
    default:
      return { problem: 'that cannot be asked of an element of an array' };
  }
}

/** The aligned bytes that are loaded to read some bits. */
interface Place {
  readonly start: number;
  readonly bytes: number;
}

/** The smallest aligned load, of the declared type's size at least, that holds the whole bitfield. */
function bitfieldPlace(bitOffset: number, bits: number, declared: number): Place | undefined {
  for (let bytes = declared; bytes > 0 && bytes <= 8; bytes *= 2) {
    const start = Math.floor(bitOffset / 8 / bytes) * bytes;
    if (bitOffset + bits <= (start + bytes) * 8) return { start, bytes };
  }
  return undefined;
}

/** `fieldType` is left out for bitfields, whose bytes no single load must touch. */
function answer(
  { start, bytes }: Place,
  bitOffset: number,
  bits: number,
  question: 'offset' | 'size' | 'left-shift' | 'right-shift',
  btf: Btf,
  fieldType?: TypeId,
): Value {
  const certain = fieldType !== undefined;
  switch (question) {
    case 'offset':
      return { value: BigInt(start), certain, ...(certain && { memory: { bytes, type: fieldType } }) };
    case 'size':
      return { value: BigInt(bytes), certain };
    case 'left-shift': {
      const before = bitOffset - start * 8;
      // The field's highest bit is moved to the top of the 64-bit register that the bytes were loaded into.
      const shift = btf.byteOrder === 'little' ? 64 - (before + bits) : (8 - bytes) * 8 + before;
      return { value: BigInt(shift), certain };
    }
    case 'right-shift':
      return { value: BigInt(64 - bits), certain: true };
  }
}
