/**
 * Several BTFs as one: types behind types, strings behind strings, every reference shifted. Nothing is compared or left
 * out, so that each part keeps its own idea of a type. Source: Linux `Documentation/bpf/btf.rst`, sections 2.1 and 2.2.
 */
import { type Btf, readBtf } from './btf.js';
import { fixedSizes, kindNames, memberSizes, typeHeaderSize } from './kinds.js';
import { type BtfSections, headerSize, joinSections, sectionsOf } from './sections.js';
import type { BtfKind, TypeId } from './types.js';

export interface BtfPart {
  readonly btf: Btf;
  /** Functions that become static: the kernel then verifies them with what their callers pass. */
  readonly staticFunctions?: ReadonlySet<TypeId> | undefined;
}

/** Where the types and strings of a part went. */
export class BtfShift {
  readonly #types: number;
  readonly #strings: number;

  constructor(types: number, strings: number) {
    this.#types = types;
    this.#strings = strings;
  }

  /** `void` stays `void`. */
  type(id: TypeId): TypeId {
    return id === 0 ? 0 : id + this.#types;
  }

  /** The empty string stays at 0, where the kernel looks for it. */
  string(offset: number): number {
    return offset === 0 ? 0 : offset + this.#strings;
  }
}

export interface MergedBtf {
  readonly btf: Btf;
  /** Of each part, in their order. */
  readonly shifts: readonly BtfShift[];
}

/** The parts have one byte order; `where` names the result in errors. */
export function mergeBtf(parts: readonly BtfPart[], where: string): MergedBtf {
  const sources = parts.map(({ btf }) => sectionsOf(btf));
  const byteOrder = parts[0]?.btf.byteOrder ?? 'little';
  const littleEndian = byteOrder === 'little';
  // Every BTF has the empty string.
  const bytes = joinSections(sources.length === 0 ? [{ strings: Uint8Array.of(0) }] : sources, byteOrder);
  const view = new DataView(bytes.buffer);

  const shifts: BtfShift[] = [];
  let types = 0;
  let typeBytes = 0;
  let strings = 0;
  parts.forEach(({ btf, staticFunctions }, index) => {
    const source = sources[index] as BtfSections;
    const shift = new BtfShift(types, strings);
    let at = headerSize + typeBytes;
    for (let id = 1; id < btf.count; id++) {
      if (staticFunctions?.has(id)) view.setUint16(at + (littleEndian ? 4 : 6), 0, littleEndian);
      at += shiftType(view, at, shift, littleEndian);
    }
    shifts.push(shift);
    types += btf.count - 1;
    typeBytes += source.types.length;
    strings += source.strings.length;
  });
  return { btf: readBtf(bytes, where), shifts };
}

/** Kinds whose third word is a type. */
const refersByHeader: ReadonlySet<BtfKind> = new Set<BtfKind>([
  'pointer',
  'typedef',
  'volatile',
  'const',
  'restrict',
  'function',
  'function-prototype',
  'variable',
  'declaration-tag',
  'type-tag',
]);

/** Words of a member that are names and types, counted from its start. */
const memberWords: Partial<Record<BtfKind, { readonly name?: number; readonly type?: number }>> = {
  struct: { name: 0, type: 1 },
  union: { name: 0, type: 1 },
  enum: { name: 0 },
  enum64: { name: 0 },
  'function-prototype': { name: 0, type: 1 },
  section: { type: 0 },
};

/** Shifts what one record refers to; gives its length in bytes. */
function shiftType(view: DataView, start: number, shift: BtfShift, littleEndian: boolean): number {
  const shiftType = (at: number) => view.setUint32(at, shift.type(view.getUint32(at, littleEndian)), littleEndian);
  const shiftName = (at: number) => view.setUint32(at, shift.string(view.getUint32(at, littleEndian)), littleEndian);
  const info = view.getUint32(start + 4, littleEndian);
  const number = (info >>> 24) & 0x1f;
  const kind = kindNames[number] as BtfKind;
  shiftName(start);
  if (refersByHeader.has(kind)) shiftType(start + 8);
  let at = start + typeHeaderSize;
  if (kind === 'array') {
    shiftType(at);
    shiftType(at + 4);
  }
  at += fixedSizes[number] as number;
  const size = memberSizes[number] as number;
  const words = memberWords[kind];
  // For functions the length is their linkage, and members have no bytes.
  const end = at + (info & 0xffff) * size;
  for (; words !== undefined && at < end; at += size) {
    if (words.name !== undefined) shiftName(at + words.name * 4);
    if (words.type !== undefined) shiftType(at + words.type * 4);
  }
  return end - start;
}
