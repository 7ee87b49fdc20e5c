/**
 * How C must write a struct or union so that the compiler puts every member where BTF has it: which padding, whether
 * packed or aligned. BTF knows offsets and sizes but no alignment, so the compiler's own rules (System V, which BPF
 * follows) are walked through and what they miss is written out.
 */
import type { Btf } from '../btf.js';
import type { BtfMember, BtfType, TypeId } from '../types.js';

export type Composite = Extract<BtfType, { kind: 'struct' | 'union' }>;

export interface Padding {
  readonly kind: 'padding';
  readonly type: string;
  readonly bits: number;
}

const paddingTypes = [
  { type: 'long', width: 64 },
  { type: 'int', width: 32 },
  { type: 'short', width: 16 },
] as const;

/** A member; bits that an unnamed bitfield fills; or, in a union, a struct of them. */
export type Piece =
  | { readonly kind: 'member'; readonly member: BtfMember }
  | Padding
  | { readonly kind: 'filler'; readonly padding: readonly Padding[] };

export interface CLayout {
  readonly pieces: readonly Piece[];
  readonly packed: boolean;
  /** What an attribute must ask for, in bytes. */
  readonly aligned: number | undefined;
  /** Bytes, as the compiler has it from the text. */
  readonly alignment: number;
}

const deepest = 64;
/** Lines of padding in one struct; the largest gap in a kernel takes some hundred. */
const mostPadding = 1 << 14;
/** Bytes. */
const mostAligned = 4096;

export class CLayouts {
  readonly #btf: Btf;
  readonly #known = new Map<TypeId, CLayout>();

  constructor(btf: Btf) {
    this.#btf = btf;
  }

  /** Throws `FormatError` for a type that no C compiler lays out like this. */
  of(id: TypeId, type: Composite, depth = 0): CLayout {
    const known = this.#known.get(id);
    if (known) return known;
    if (depth > deepest) throw this.#btf.error(id, `contains itself, or is nested more than ${deepest} deep`);
    const arrange = type.kind === 'struct' ? arrangeStruct : arrangeUnion;
    const members = this.#measured(id, type, depth);
    const layout = arrange(type, members, false) ?? arrange(type, members, true);
    if (!layout) throw this.#btf.error(id, `(${type.kind} ${type.name}) has members that overlap or do not fit`);
    this.#known.set(id, layout);
    return layout;
  }

  /** In bytes, as the compiler has it for the text that is written for the type. */
  alignmentOf(id: TypeId, depth = 0): number {
    const resolved = this.#btf.resolve(id);
    const type = this.#btf.type(resolved);
    switch (type.kind) {
      case 'array':
        if (depth > deepest) throw this.#btf.error(id, 'is an array without an end');
        return this.alignmentOf(type.type, depth + 1);
      case 'struct':
      case 'union':
        return this.of(resolved, type, depth + 1).alignment;
      case 'pointer':
        return 8;
      case 'int':
      case 'float':
      case 'enum':
      case 'enum64':
        return type.size;
      default:
        throw this.#btf.error(id, `(${type.kind}) is no type of a member`);
    }
  }

  #measured(id: TypeId, type: Composite, depth: number): Measured[] {
    const measured = type.members.flatMap((member): Measured[] => {
      const resolved = this.#btf.type(this.#btf.resolve(member.type));
      // An unnamed bitfield is padding, which is found anew.
      if (member.name === '' && resolved.kind !== 'struct' && resolved.kind !== 'union') return [];
      const size = this.#btf.sizeOf(member.type) * 8;
      if (member.bitSize > size) throw this.#btf.error(id, `: bitfield "${member.name}" is wider than its type`);
      return [{ member, size, alignment: this.alignmentOf(member.type, depth + 1) * 8 }];
    });
    // Other languages than C reorder members.
    return measured.sort((left, right) => left.member.bitOffset - right.member.bitOffset);
  }
}

/** All in bits. */
interface Measured {
  readonly member: BtfMember;
  readonly size: number;
  readonly alignment: number;
}

function arrangeStruct(type: Composite, members: readonly Measured[], packed: boolean): CLayout | undefined {
  const pieces: Piece[] = [];
  let at = 0;
  let alignment = 8;
  for (const { member, size, alignment: wanted } of members) {
    const { bitOffset, bitSize } = member;
    const fits = (place: number): boolean => {
      if (bitSize === 0) return place % (packed ? 8 : wanted) === 0;
      return packed || (place % size) + bitSize <= size;
    };
    const step = bitSize === 0 ? (packed ? 8 : wanted) : size;
    const natural = fits(at) ? at : roundUp(at, step);
    if (natural !== bitOffset) {
      const padding = paddingOf(at, bitOffset);
      if (!padding || !fits(bitOffset)) return undefined;
      pieces.push(...padding);
    }
    pieces.push({ kind: 'member', member });
    at = bitOffset + (bitSize || size);
    if (!packed) alignment = Math.max(alignment, wanted);
  }
  const end = type.size * 8;
  if (end % alignment !== 0) return undefined;
  if (roundUp(at, alignment) !== end) {
    const padding = paddingOf(at, end);
    if (!padding) return undefined;
    pieces.push(...padding);
  }
  return { pieces, packed, aligned: undefined, alignment: alignment / 8 };
}

function arrangeUnion(type: Composite, members: readonly Measured[], packed: boolean): CLayout | undefined {
  let largest = 0;
  let natural = 1;
  for (const { member, size, alignment } of members) {
    if (member.bitOffset !== 0) return undefined;
    largest = Math.max(largest, roundUp(member.bitSize || size, 8) / 8);
    if (!packed) natural = Math.max(natural, alignment / 8);
  }
  if (roundUp(largest, natural) > type.size || type.size % natural !== 0) return undefined;
  const pieces: Piece[] = members.map(({ member }) => ({ kind: 'member', member }));
  let alignment = natural;
  while (roundUp(largest, alignment) < type.size && alignment < mostAligned) alignment *= 2;
  if (largest > 0 && roundUp(largest, alignment) === type.size) {
    return { pieces, packed, aligned: alignment === natural ? undefined : alignment, alignment };
  }
  const padding = paddingOf(0, type.size * 8);
  if (!padding) return undefined;
  if (padding.length > 0) pieces.push({ kind: 'filler', padding });
  return { pieces, packed, aligned: undefined, alignment: natural };
}

/** From one bit to another; undefined where that is backwards, or farther than any compiler goes. */
function paddingOf(start: number, end: number): Padding[] | undefined {
  if (start > end || end - start > mostPadding * 64) return undefined;
  const padding: Padding[] = [];
  for (let at = start; at < end; ) {
    const whole = paddingTypes.find(({ width }) => at % width === 0 && end - at >= width);
    const bits = whole?.width ?? Math.min(8 - (at % 8), end - at);
    padding.push({ kind: 'padding', type: whole?.type ?? 'char', bits });
    at += bits;
  }
  return padding;
}

function roundUp(value: number, step: number): number {
  return Math.ceil(value / step) * step;
}
