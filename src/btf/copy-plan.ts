/**
 * How values of a type are carried over to a later version of it: field by field, by name. Fields may move, grow, be new
 * (zero) or gone; one that would shrink or become another kind of thing is a problem. Little-endian types only, as both
 * machines that xdpkit runs on are.
 */
import { isNetworkOrder } from './codec.js';
import { layoutDifference, type TypeInBtf } from './layout-difference.js';
import type { BtfMember, BtfType } from './types.js';

export type Move =
  | { readonly kind: 'bytes'; readonly from: number; readonly to: number; readonly size: number }
  /** Places and widths in bits, from the start of the value. */
  | {
      readonly kind: 'number';
      readonly from: number;
      readonly fromBits: number;
      readonly to: number;
      readonly toBits: number;
      readonly signed: boolean;
      readonly networkOrder: boolean;
    };

export interface CopyPlan {
  readonly moves: readonly Move[];
  /** Fields that are new, and will be zero. */
  readonly added: readonly string[];
  /** Fields that are gone, and what they held with them. */
  readonly dropped: readonly string[];
  /** Why values cannot be carried over: one sentence a field. */
  readonly problems: readonly string[];
}

/** Arrays of structs that changed are moved element by element, up to this many moves. */
const mostMoves = 10_000;
const deepest = 32;

export function planCopy(from: TypeInBtf, to: TypeInBtf): CopyPlan {
  const planner = new Planner();
  planner.plan({ ...from, at: 0 }, { ...to, at: 0 }, '', 0);
  return planner;
}

interface Placed extends TypeInBtf {
  /** Bits from the start of the value. */
  readonly at: number;
}

interface PlacedField extends Placed {
  readonly name: string;
  readonly bitSize: number;
}

class Planner implements CopyPlan {
  readonly moves: Move[] = [];
  readonly added: string[] = [];
  readonly dropped: string[] = [];
  readonly problems: string[] = [];

  plan(from: Placed, to: Placed, path: string, depth: number): void {
    if (this.moves.length >= mostMoves || depth > deepest) {
      if (this.problems.length === 0) this.problems.push('it has too many parts that have moved');
      return;
    }
    const [old, now] = [typeOf(from), typeOf(to)];
    if (layoutDifference(from, to) === undefined) {
      this.moves.push({ kind: 'bytes', from: from.at / 8, to: to.at / 8, size: to.btf.sizeOf(to.type) });
    } else if (isNumber(old) && isNumber(now)) {
      this.#number({ ...from, name: path, bitSize: 0 }, { ...to, name: path, bitSize: 0 }, path);
    } else if (old.kind === 'array' && now.kind === 'array') {
      this.#array({ ...from, type: old.type }, old.length, { ...to, type: now.type }, now.length, path, depth);
    } else if (old.kind === 'struct' && now.kind === 'struct') {
      this.#struct(fieldsOf(from, old.members), fieldsOf(to, now.members), path, depth);
    } else {
      const became =
        old.kind === now.kind ? `is a ${old.kind} that has changed` : `was a ${old.kind} and is a ${now.kind}`;
      this.problems.push(`${subject(path)} ${became}`);
    }
  }

  #number(from: PlacedField, to: PlacedField, path: string): void {
    const [old, now] = [typeOf(from), typeOf(to)];
    if (!isNumber(old) || !isNumber(now)) return;
    const [fromBits, toBits] = [from.bitSize || old.size * 8, to.bitSize || now.size * 8];
    const networkOrder = isNetworkOrder(from.btf, from.type);
    if (networkOrder !== isNetworkOrder(to.btf, to.type)) {
      this.problems.push(`${subject(path)} changed its byte order`);
    } else if (toBits < fromBits) {
      this.problems.push(`${subject(path)} shrinks from ${width(fromBits)} to ${width(toBits)}`);
    } else {
      const move = { from: from.at, fromBits, to: to.at, toBits, signed: old.signed, networkOrder };
      this.moves.push({ kind: 'number', ...move });
    }
  }

  #array(from: Placed, fromLength: number, to: Placed, toLength: number, path: string, depth: number): void {
    if (toLength < fromLength) {
      this.problems.push(`${subject(path)} shrinks from ${fromLength} elements to ${toLength}`);
      return;
    }
    const [fromSize, toSize] = [from.btf.sizeOf(from.type), to.btf.sizeOf(to.type)];
    if (layoutDifference(from, to) === undefined) {
      this.moves.push({ kind: 'bytes', from: from.at / 8, to: to.at / 8, size: fromSize * fromLength });
      return;
    }
    for (let index = 0; index < fromLength && this.problems.length === 0; index += 1) {
      const at = { from: from.at + index * fromSize * 8, to: to.at + index * toSize * 8 };
      this.plan({ ...from, at: at.from }, { ...to, at: at.to }, `${path}[${index}]`, depth + 1);
    }
  }

  #struct(from: readonly PlacedField[], to: readonly PlacedField[], path: string, depth: number): void {
    const inside = (name: string): string => (path === '' ? name : `${path}.${name}`);
    const before = new Map(from.map((field) => [field.name, field]));
    for (const field of to) {
      const old = before.get(field.name);
      before.delete(field.name);
      if (old === undefined) this.added.push(inside(field.name));
      else if (old.bitSize > 0 || field.bitSize > 0) this.#number(old, field, inside(field.name));
      else this.plan(old, field, inside(field.name), depth + 1);
    }
    this.dropped.push(...[...before.keys()].map(inside));
  }
}

/** Those of anonymous structs stand in their parent. An anonymous union is one field, named after its members. */
function fieldsOf(parent: Placed, members: readonly BtfMember[]): PlacedField[] {
  return members.flatMap(({ name, type, bitOffset, bitSize }): PlacedField[] => {
    const field = { btf: parent.btf, type, at: parent.at + bitOffset, name, bitSize };
    if (name !== '') return [field];
    const inner = typeOf(field);
    if (inner.kind === 'struct') return fieldsOf(field, inner.members);
    // A bitfield without a name is padding.
    return inner.kind === 'union' ? [{ ...field, name: inner.members.map((each) => each.name).join('|') }] : [];
  });
}

function typeOf({ btf, type }: TypeInBtf): BtfType {
  return btf.type(btf.resolve(type));
}

function isNumber(type: BtfType): type is Extract<BtfType, { kind: 'int' | 'enum' | 'enum64' }> {
  return type.kind === 'int' || type.kind === 'enum' || type.kind === 'enum64';
}

function subject(path: string): string {
  return path === '' ? 'it' : `field "${path}"`;
}

function width(bits: number): string {
  return bits % 8 === 0 ? `${bits / 8} bytes` : `${bits} bits`;
}

/** Carries a value over, into bytes that are zero. */
export function copyValue(moves: readonly Move[], from: Uint8Array, to: Uint8Array): void {
  for (const move of moves) {
    if (move.kind === 'bytes') to.set(from.subarray(move.from, move.from + move.size), move.to);
    else writeNumber(to, move, readNumber(from, move));
  }
}

type NumberMove = Extract<Move, { kind: 'number' }>;

/** The byte that holds the bit at `index`, counted from the number's least significant one, and the bit in it. */
function placeOf(
  start: number,
  bits: number,
  index: number,
  networkOrder: boolean,
): readonly [byte: number, bit: number] {
  if (!networkOrder) return [(start + index) >> 3, (start + index) & 7];
  return [start / 8 + bits / 8 - 1 - (index >> 3), index & 7];
}

function readNumber(bytes: Uint8Array, { from, fromBits, toBits, signed, networkOrder }: NumberMove): bigint {
  let number = 0n;
  for (let index = fromBits - 1; index >= 0; index -= 1) {
    const [byte, bit] = placeOf(from, fromBits, index, networkOrder);
    number = (number << 1n) | BigInt(((bytes[byte] ?? 0) >> bit) & 1);
  }
  return BigInt.asUintN(toBits, signed ? BigInt.asIntN(fromBits, number) : number);
}

function writeNumber(bytes: Uint8Array, { to, toBits, networkOrder }: NumberMove, number: bigint): void {
  for (let index = 0; index < toBits; index += 1) {
    if (((number >> BigInt(index)) & 1n) === 0n) continue;
    const [byte, bit] = placeOf(to, toBits, index, networkOrder);
    bytes[byte] = (bytes[byte] ?? 0) | (1 << bit);
  }
}
