/**
 * Codecs between bytes and JavaScript values, compiled once from BTF.
 *
 * | C | JavaScript |
 * |---|---|
 * | integers up to 32 bits, enums | `number` (encoding takes `bigint` too, and an enumerator's name) |
 * | 64-bit integers, pointers | `bigint` (encoding takes whole `number`s too) |
 * | `bool` | `boolean` |
 * | `char[n]` | `string`, up to the first NUL; bytes that are no UTF-8 are lone surrogates, see `text.ts` |
 * | `unsigned char[n]`, wider than 64-bit integers | `Uint8Array` |
 * | other arrays | array |
 * | struct, data section | object by field (variable) name; fields of anonymous members stand in their parent |
 * | union | object with every member decoded; encoding takes one, or several that agree |
 *
 * Numbers are in the object's byte order, except `__be16`, `__be32` and `__be64`, which are stored in network order and
 * come back as the number that they mean. Padding is written as zeroes.
 */
import type { ErrorCode } from '../errors/codes.js';
import { FormatError, XdpkitError } from '../errors/error.js';
import type { Btf } from './btf.js';
import {
  byteArray,
  bytesAt,
  characters,
  checkWide,
  enumeration,
  float,
  integer,
  integer64,
  mismatch,
  smallInteger,
  valueOfEnumerator,
} from './codec-scalars.js';
import type { BtfType, TypeId } from './types.js';

export type BtfValue =
  | number
  | bigint
  | boolean
  | string
  | Uint8Array
  | readonly BtfValue[]
  | { readonly [field: string]: BtfValue };

export interface Codec<T = BtfValue> {
  /** Bytes. */
  readonly size: number;
  decode(view: DataView, offset: number): T;
  /** Throws the subject's error code when `value` has another shape or range. */
  encode(view: DataView, offset: number, value: unknown): void;
}

/** What is encoded, for errors: `name` as in "key of map flows". */
export interface CodecSubject {
  readonly name: string;
  readonly code: ErrorCode;
}

const deepest = 32;
/** Damaged BTF may nest unions, which take no place side by side, so that each doubles the fields. */
const mostFields = 1 << 17;
const mostEmpty = 1 << 16;

/** The codec of a type; throws FormatError where the BTF is not sound. */
export function compileCodec(btf: Btf, type: TypeId, subject: CodecSubject): Codec {
  const littleEndian = btf.byteOrder === 'little';
  const context = { btf, littleEndian, code: subject.code, repeated: 1, fields: { left: mostFields } };
  return compile(context, type, subject.name, 0);
}

/** The codec where no BTF tells the shape: an unsigned integer of 1, 2, 4 or 8 bytes, else bytes. */
export function plainCodec(size: number, littleEndian: boolean, subject: CodecSubject): Codec {
  const { name, code } = subject;
  if (size === 1 || size === 2 || size === 4) return smallInteger(size, false, littleEndian, name, code);
  return size === 8 ? integer64(false, littleEndian, name, code) : byteArray(size, name, code);
}

interface Context {
  readonly btf: Btf;
  readonly littleEndian: boolean;
  readonly code: ErrorCode;
  /** How many elements there are in the arrays around. */
  readonly repeated: number;
  readonly fields: { left: number };
}

function compile(context: Context, id: TypeId, path: string, depth: number): Codec {
  const { btf, code } = context;
  if (depth > deepest) throw new FormatError('.BTF', 0, `type ${id} is nested more than ${deepest} deep`);
  const type = btf.type(btf.resolve(id));
  const littleEndian = context.littleEndian && !isNetworkOrder(btf, id);
  switch (type.kind) {
    case 'int':
      return integer(type, littleEndian, path, code);
    case 'pointer':
      return integer64(false, littleEndian, path, code);
    case 'enum':
    case 'enum64':
      return enumeration(type, littleEndian, path, code);
    case 'float':
      return float(type.size, littleEndian, path, code);
    case 'array':
      return array(context, type, path, depth);
    case 'struct':
    case 'union':
      return composite(context, type, path, depth);
    case 'section':
      return composite(context, sectionAsStruct(btf, type), path, depth);
    default:
      throw new FormatError('.BTF', 0, `type ${id} (${type.kind}) has no values`);
  }
}

/** `__be16`, `__be32` and `__be64` are typedefs of plain integers: only the name on the way tells the order. */
export function isNetworkOrder(btf: Btf, id: TypeId): boolean {
  for (let steps = 0, at = id; steps < deepest; steps += 1) {
    const type = btf.type(at);
    if (type.kind === 'typedef' && /^__be(16|32|64)$/.test(type.name)) return true;
    if (type.kind !== 'typedef' && type.kind !== 'const' && type.kind !== 'volatile' && type.kind !== 'type-tag') break;
    at = type.type;
  }
  return false;
}

/** Whether an array's elements are one value together. */
export function arrayForm(btf: Btf, { type }: Extract<BtfType, { kind: 'array' }>): 'text' | 'bytes' | 'elements' {
  const element = btf.type(btf.resolve(type));
  if (element.kind !== 'int' || element.size !== 1 || element.bool) return 'elements';
  if (element.name === 'char' || element.char) return 'text';
  return element.signed ? 'elements' : 'bytes';
}

function array(context: Context, type: Extract<BtfType, { kind: 'array' }>, path: string, depth: number): Codec {
  const { btf, code } = context;
  const { length } = type;
  const form = arrayForm(btf, type);
  if (form === 'text') return characters(length, path, code);
  if (form === 'bytes') return byteArray(length, path, code);
  const repeated = context.repeated * length;
  const inner = compile({ ...context, repeated }, type.type, `${path}, element`, depth + 1);
  const { size } = inner;
  // No size bounds the number of elements that take no place.
  if (size === 0 && repeated > mostEmpty) throw new FormatError('.BTF', 0, `array of ${repeated} empty elements`);
  if (!Number.isSafeInteger(size * length)) throw new FormatError('.BTF', 0, `array of ${length} × ${size} bytes`);
  return {
    size: size * length,
    decode: (view, offset) => Array.from({ length }, (_, index) => inner.decode(view, offset + index * size)),
    encode(view, offset, value) {
      if (!Array.isArray(value) || value.length !== length) throw mismatch(path, code, `an array of ${length}`, value);
      value.forEach((each, index) => {
        try {
          inner.encode(view, offset + index * size, each);
        } catch (error) {
          throw atElement(error, path, index);
        }
      });
    },
  };
}

/** Paths are made once for all elements: which one it was is only known where it is refused. */
function atElement(error: unknown, path: string, index: number): unknown {
  const begins = `${path}, element`;
  if (!(error instanceof XdpkitError) || !error.message.startsWith(begins)) return error;
  return new XdpkitError(error.code, `${begins} ${index}${error.message.slice(begins.length)}`, { hint: error.hint });
}

interface Field {
  readonly name: string;
  /** Bytes from the start of the outermost struct. */
  readonly offset: number;
  readonly codec: Codec;
  /** Which union the field is an alternative of; undefined for a field that always counts. */
  readonly union: number | undefined;
}

export type Composite = Extract<BtfType, { kind: 'struct' | 'union' }>;

/** A data section (`.bss`) is the one value of its map: its variables are the fields. */
export function sectionAsStruct(btf: Btf, section: Extract<BtfType, { kind: 'section' }>): Composite {
  const members = section.variables.map(({ type, offset }) => {
    const variable = btf.type(type);
    if (variable.kind !== 'variable') throw new FormatError(btf.where, 0, `${section.name} holds a ${variable.kind}`);
    return { name: variable.name, type: variable.type, bitOffset: offset * 8, bitSize: 0 };
  });
  return { kind: 'struct', name: section.name, size: section.size, members };
}

/** The fields of a struct or union with those of anonymous members in their place, as C names them. */
function fieldsOf(context: Context, type: Composite, path: string, depth: number): Field[] {
  const fields: Field[] = [];
  let unions = 0;
  const add = (part: Composite, base: number, inUnion: number | undefined, nesting: number): void => {
    if (nesting > deepest) throw new FormatError('.BTF', 0, `${path}: nested more than ${deepest} deep`);
    const union = inUnion ?? (part.kind === 'union' ? unions++ : undefined);
    for (const member of part.members) {
      const bits = base * 8 + member.bitOffset;
      const inner = context.btf.type(context.btf.resolve(member.type));
      if (member.name === '' && (inner.kind === 'struct' || inner.kind === 'union')) {
        add(inner, bits / 8, union, nesting + 1);
        continue;
      }
      // Assigning to this name would change the object's prototype instead of a field.
      if (member.name === '__proto__') throw new FormatError('.BTF', 0, 'a field is named __proto__');
      // Unnamed bitfields are padding.
      if (member.name === '') continue;
      if (context.fields.left-- <= 0)
        throw new FormatError('.BTF', 0, `${path}: more than ${mostFields} fields in all`);
      const fieldPath = `${path}, field "${member.name}"`;
      const isBitfield = member.bitSize > 0;
      const offset = isBitfield ? Math.floor(bits / 8) : bits / 8;
      const codec = isBitfield
        ? bitfield(context, member.type, bits % 8, member.bitSize, fieldPath)
        : compile(context, member.type, fieldPath, depth + 1);
      if (!Number.isInteger(offset) || offset + codec.size > type.size) {
        throw new FormatError('.BTF', 0, `${fieldPath}: ${codec.size} bytes at bit ${bits} do not fit`);
      }
      fields.push({ name: member.name, offset, codec, union });
    }
  };
  add(type, 0, undefined, depth);
  return fields;
}

function composite(context: Context, type: Composite, path: string, depth: number): Codec {
  const { code } = context;
  const { size } = type;
  const fields = fieldsOf(context, type, path, depth);
  const names = fields.map((field) => field.name);
  const unions = new Set(fields.flatMap(({ union }) => (union === undefined ? [] : [union])));
  return {
    size,
    decode(view, offset) {
      const value: Record<string, BtfValue> = {};
      for (const field of fields) value[field.name] = field.codec.decode(view, offset + field.offset);
      return value;
    },
    encode(view, offset, value) {
      if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array) {
        throw mismatch(path, code, `an object with ${names.join(', ')}`, value);
      }
      const given = value as Record<string, unknown>;
      for (const name of Object.keys(given)) {
        if (!names.includes(name)) {
          throw new XdpkitError(code, `${path}: there is no field "${name}"; the fields are ${names.join(', ')}`);
        }
      }
      const target = bytesAt(view, offset, size).fill(0);
      const plain = new DataView(target.buffer, target.byteOffset, size);
      for (const field of fields) {
        if (field.union !== undefined) continue;
        const part = given[field.name];
        if (part === undefined) {
          throw new XdpkitError(code, `${path}: field "${field.name}" is missing; the fields are ${names.join(', ')}`);
        }
        field.codec.encode(plain, field.offset, part);
      }
      for (const union of unions) {
        const choice = fields.filter((field) => field.union === union);
        const parts = choice.flatMap((field) =>
          given[field.name] === undefined ? [] : [{ field, part: given[field.name] }],
        );
        if (parts.length === 0) {
          throw new XdpkitError(code, `${path}: one of ${choice.map(({ name }) => name).join(', ')} is missing`);
        }
        encodeAlternatives(parts, plain, path, code);
      }
    },
  };
}

interface Alternative {
  readonly field: Field;
  readonly part: unknown;
}

/**
 * Members of a union may be given together, as decoding gives them, as long as each of them reads back as it was
 * given. The last one written decides bytes that others leave open (padding, what follows a string's end).
 */
function encodeAlternatives(parts: readonly Alternative[], target: DataView, path: string, code: ErrorCode): void {
  const clashOf = (order: readonly Alternative[]): Alternative | undefined => {
    for (const { field, part } of order) field.codec.encode(target, field.offset, part);
    return order.length === 1 ? undefined : order.find((each) => !readsBack(each, target));
  };
  const clash = clashOf(parts);
  if (clash === undefined) return;
  for (const last of parts) {
    if (clashOf([...parts.filter((each) => each !== last), last]) === undefined) return;
  }
  throw new XdpkitError(
    code,
    `${path}: "${clash.field.name}" disagrees with another member of its union; give only one of them`,
  );
}

function readsBack({ field: { codec, offset }, part }: Alternative, target: DataView): boolean {
  const bytesOf = (value: unknown): Uint8Array => {
    const scratch = new Uint8Array(codec.size);
    codec.encode(new DataView(scratch.buffer), 0, value);
    return scratch;
  };
  const asked = bytesOf(part);
  return bytesOf(codec.decode(target, offset)).every((byte, index) => byte === asked[index]);
}

function bitfield(context: Context, id: TypeId, shift: number, bits: number, path: string): Codec {
  const { btf, littleEndian, code } = context;
  const type = btf.type(btf.resolve(id));
  if (bits > 64 || (type.kind !== 'int' && type.kind !== 'enum' && type.kind !== 'enum64')) {
    throw new FormatError('.BTF', 0, `${path}: a bitfield of ${bits} bits in a ${type.kind}`);
  }
  const size = Math.ceil((shift + bits) / 8);
  // Bit 0 is the least significant bit of the first byte on little-endian machines, the most significant on others.
  const low = BigInt(littleEndian ? shift : size * 8 - shift - bits);
  const mask = (1n << BigInt(bits)) - 1n;
  const at = (index: number): number => (littleEndian ? size - 1 - index : index);
  const read = (view: DataView, offset: number): bigint => {
    let value = 0n;
    for (let index = 0; index < size; index += 1) value = (value << 8n) | BigInt(view.getUint8(offset + at(index)));
    return value;
  };
  const wide = type.size === 8;
  const least = type.signed ? -(1n << BigInt(bits - 1)) : 0n;
  const most = type.signed ? -least - 1n : mask;
  const isBool = type.kind === 'int' && type.bool;
  return {
    size,
    decode(view, offset) {
      const raw = (read(view, offset) >> low) & mask;
      const value = type.signed ? BigInt.asIntN(bits, raw) : raw;
      if (isBool) return value !== 0n;
      return wide ? value : Number(value);
    },
    encode(view, offset, value) {
      const plain = isBool && typeof value === 'boolean' ? Number(value) : valueOfEnumerator(type, value, path, code);
      const number = checkWide(plain, least, most, path, code);
      let all = (read(view, offset) & ~(mask << low)) | ((number & mask) << low);
      for (let index = size - 1; index >= 0; index -= 1) {
        view.setUint8(offset + at(index), Number(all & 0xffn));
        all >>= 8n;
      }
    },
  };
}
