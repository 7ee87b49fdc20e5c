/**
 * Reader of BTF. Opening only finds where each type begins; a type is decoded when it is asked for, so that a
 * kernel's five megabytes open in milliseconds. Source: Linux `Documentation/bpf/btf.rst`.
 */
import { Cursor, readCString } from '../bytes/cursor.js';
import { wordsOf } from '../bytes/words.js';
import { FormatError } from '../errors/error.js';
import { decodeType, type Record as TypeRecord } from './decode.js';
import { fixedSizes, kindNames, kindNumbers, memberSizes, typeHeaderSize } from './kinds.js';
import { typeName } from './name.js';
import { essentialName, isNamedByC, NameIndex } from './names.js';
import type { BtfKind, BtfType, TypeId } from './types.js';

const magic = 0xeb9f;
const headerSize = 24;
/** The kernel follows no chain of types further than this (`MAX_RESOLVE_DEPTH`). */
const longestChain = 32;
/** The kernel takes names of up to 511 bytes; far longer ones are taken for damage. */
const longestName = 1024;
const largestSize = 0xffff_ffff;
/** BTF_FUNC_EXTERN and BTF_VAR_GLOBAL_EXTERN. */
const externLinkage = 2;

/**
 * Reads BTF (a `.BTF` section, or `/sys/kernel/btf/vmlinux`); `where` names it in errors. With a `base` it is split BTF,
 * as kernel modules have it: ids and string offsets go on where those of the base end. Throws `FormatError`.
 */
export function readBtf(bytes: Uint8Array, where: string, base?: Btf): Btf {
  const littleEndian = bytes[0] !== 0xeb;
  const cursor = new Cursor(bytes, where, { littleEndian });
  if (cursor.u16() !== magic) throw cursor.error('no BTF: the magic number 0xeb9f is missing', 0);
  const version = cursor.u8();
  if (version !== 1) throw cursor.error(`BTF version ${version}, only 1 is known`, 2);
  cursor.skip(1);
  const length = cursor.u32();
  if (length < headerSize) throw cursor.error(`a BTF header of ${length} bytes, at least 24 are needed`, 4);
  const [typeOffset, typeLength, stringOffset, stringLength] = [cursor.u32(), cursor.u32(), cursor.u32(), cursor.u32()];
  const types = cursor.window(length + typeOffset, typeLength, `${where}, types`);
  const strings = cursor.window(length + stringOffset, stringLength, `${where}, strings`);
  // The strings of split BTF go on with the base's, and may be none.
  const begins = strings.bytes[0] === 0 || base !== undefined;
  if (!begins || (strings.length > 0 && strings.bytes[strings.length - 1] !== 0)) {
    throw strings.error('strings neither begin nor end with a zero byte as they must', 0);
  }
  if (base && (base.byteOrder === 'little') !== littleEndian) {
    throw cursor.error(`its byte order is not that of ${base.where}, which it goes on with`, 0);
  }
  return new Btf(bytes, where, types, strings, base);
}

/** Where each type begins, by id (in split BTF from 1 on, after the base's); entry 0 is unused. */
function indexTypes(types: Cursor): Uint32Array {
  const words = wordsOf(types);
  const end = types.length;
  const offsets = new Uint32Array(Math.floor(end / typeHeaderSize) + 1);
  let count = 1;
  let offset = 0;
  while (offset + typeHeaderSize <= end) {
    const info = words[(offset >>> 2) + 1] as number;
    const kind = (info >>> 24) & 0x1f;
    if (kind === 0 || kind >= kindNames.length) throw types.error(`type ${count} has the unknown kind ${kind}`, offset);
    offsets[count++] = offset;
    offset += typeHeaderSize + (fixedSizes[kind] as number) + (info & 0xffff) * (memberSizes[kind] as number);
  }
  if (offset > end) throw types.error(`type ${count - 1} is cut off`, offsets[count - 1]);
  if (offset < end) throw types.error('a type is cut off', offset);
  return offsets.subarray(0, count);
}

export class Btf {
  readonly bytes: Uint8Array;
  readonly where: string;
  readonly byteOrder: 'little' | 'big';
  /** What split BTF goes on with. */
  readonly base: Btf | undefined;
  /** Ids of the base, but `void`, which both have; offsets of its strings. */
  readonly #idsBefore: number;
  readonly #stringsBefore: number;
  readonly #types: Cursor;
  readonly #view: DataView;
  readonly #strings: Cursor;
  readonly #offsets: Uint32Array;
  readonly #decoded = new Map<TypeId, BtfType>();
  #names: NameIndex | undefined;

  /** For `readBtf`. */
  constructor(bytes: Uint8Array, where: string, types: Cursor, strings: Cursor, base?: Btf) {
    this.bytes = bytes;
    this.where = where;
    this.base = base;
    this.#idsBefore = base === undefined ? 0 : base.count - 1;
    this.#stringsBefore = base === undefined ? 0 : base.#stringsBefore + base.#strings.length;
    this.byteOrder = types.littleEndian ? 'little' : 'big';
    this.#types = types;
    this.#view = new DataView(types.bytes.buffer, types.bytes.byteOffset, types.length);
    this.#strings = strings;
    this.#offsets = indexTypes(types);
  }

  /** Types, `void` (id 0) included: valid ids are below it. */
  get count(): number {
    return this.#idsBefore + this.#offsets.length;
  }

  /** The type with an id. Throws `FormatError` where there is none or its record is damaged. */
  type(id: TypeId): BtfType {
    const known = this.#decoded.get(id);
    if (known) return known;
    if (this.#isOfBase(id)) return (this.base as Btf).type(id);
    const type = decodeType(this.#record(id), this);
    this.#decoded.set(id, type);
    return type;
  }

  kind(id: TypeId): BtfKind {
    if (id === 0) return 'void';
    if (this.#isOfBase(id)) return (this.base as Btf).kind(id);
    return kindNames[this.#kindNumber(this.#offset(id))] as BtfKind;
  }

  /** Whether a function or a variable is only declared. No type is decoded. */
  isExtern(id: TypeId): boolean {
    if (id === 0) return false;
    if (this.#isOfBase(id)) return (this.base as Btf).isExtern(id);
    const offset = this.#offset(id);
    const { littleEndian } = this.#types;
    switch (this.#kindNumber(offset)) {
      case kindNumbers.function:
        return (this.#view.getUint32(offset + 4, littleEndian) & 0xffff) === externLinkage;
      case kindNumbers.variable:
        return this.#view.getUint32(offset + typeHeaderSize, littleEndian) === externLinkage;
      default:
        return false;
    }
  }

  /** The first type of a kind with a name. Only names are compared; no type is decoded. */
  find(kind: BtfKind, name: string): TypeId | undefined {
    return this.base?.find(kind, name) ?? this.findOwn(kind, name);
  }

  /** As `find`, and not in the base. */
  findOwn(kind: BtfKind, name: string): TypeId | undefined {
    const wanted = kindNumbers[kind];
    const bytes = new TextEncoder().encode(name);
    for (let id = 1; id < this.#offsets.length; id++) {
      const offset = this.#offsets[id] as number;
      if (this.#kindNumber(offset) !== wanted) continue;
      if (this.#stringIs(this.#view.getUint32(offset, this.#types.littleEndian), bytes)) return this.#idsBefore + id;
    }
    return undefined;
  }

  /**
   * The types of C with a name, whatever their kinds and flavours (`name`, `name___old`), in order. The first call
   * indexes all names.
   */
  idsNamed(name: string): TypeId[] {
    return this.base ? [...this.base.idsNamed(name), ...this.ownIdsNamed(name)] : this.ownIdsNamed(name);
  }

  /** As `idsNamed`, and not in the base. */
  ownIdsNamed(name: string): TypeId[] {
    if (this.base) return this.#ownIdsNamed(name);
    this.#names ??= new NameIndex({
      view: this.#view,
      offsets: this.#offsets,
      littleEndian: this.#types.littleEndian,
      strings: this.#strings.bytes,
    });
    return this.#names.find(name);
  }

  /** Modules have few types, and their names lie in two places: no index. */
  #ownIdsNamed(name: string): TypeId[] {
    const wanted = essentialName(name);
    const found: TypeId[] = [];
    for (let id = 1; id < this.#offsets.length; id++) {
      const offset = this.#offsets[id] as number;
      if (!isNamedByC(this.#kindNumber(offset))) continue;
      const candidate = this.name(this.#view.getUint32(offset, this.#types.littleEndian));
      if (candidate.startsWith(wanted) && essentialName(candidate) === wanted) found.push(this.#idsBefore + id);
    }
    return found;
  }

  /** A type's own name, empty where it has none. No type is decoded. */
  plainName(id: TypeId): string {
    if (id === 0) return '';
    if (this.#isOfBase(id)) return (this.base as Btf).plainName(id);
    return this.name(this.#view.getUint32(this.#offset(id), this.#types.littleEndian));
  }

  /** All ids of a kind, in order. */
  *idsOf(kind: BtfKind): Generator<TypeId> {
    if (this.base) yield* this.base.idsOf(kind);
    const wanted = kindNumbers[kind];
    for (let id = 1; id < this.#offsets.length; id++) {
      if (this.#kindNumber(this.#offsets[id] as number) === wanted) yield this.#idsBefore + id;
    }
  }

  /** The type behind typedefs, `const`, `volatile`, `restrict` and type tags. */
  resolve(id: TypeId): TypeId {
    let at = id;
    for (let step = 0; step <= longestChain; step++) {
      const type = this.type(at);
      switch (type.kind) {
        case 'typedef':
        case 'const':
        case 'volatile':
        case 'restrict':
        case 'type-tag':
          at = type.type;
          break;
        default:
          return at;
      }
    }
    throw this.error(id, 'is a chain of types without an end');
  }

  /** Bytes that a value of the type takes. Throws `FormatError` for what has no size: `void`, functions, forwards. */
  sizeOf(id: TypeId): number {
    let factor = 1;
    let at = id;
    for (let step = 0; step <= longestChain; step++) {
      at = this.resolve(at);
      const type = this.type(at);
      if (type.kind === 'array') factor *= type.length;
      const size = type.kind === 'pointer' ? 8 : 'size' in type ? type.size : undefined;
      const total = factor * (size ?? 1);
      if (total > largestSize) throw this.error(id, `takes ${total} bytes, more than any value can have`);
      if (size !== undefined) return total;
      if (type.kind !== 'array' && type.kind !== 'variable') throw this.error(id, `(${type.kind}) has no size`);
      at = type.type;
    }
    throw this.error(id, 'is an array without an end');
  }

  /** The string at an offset of the string section. */
  string(offset: number): string {
    if (offset < this.#stringsBefore) return (this.base as Btf).string(offset);
    return readCString(this.#strings.bytes, offset - this.#stringsBefore, this.#strings.where);
  }

  /** A name as C would write the type: `struct datarec`, `__u32`, `__u8[6]`, `int *`. */
  nameOf(id: TypeId): string {
    return typeName(this, id);
  }

  /** An error about a type, with the type's place in the file. */
  error(id: TypeId, problem: string): FormatError {
    if (this.#isOfBase(id)) return (this.base as Btf).error(id, problem);
    const at = this.#types.base + (this.#offsets[id - this.#idsBefore] ?? 0);
    return new FormatError(this.where, at, `type ${id} ${problem}`);
  }

  /** Where the record of a type begins in `bytes`; types of a base have none there. */
  recordOffset(id: TypeId): number {
    return this.#types.base + this.#offset(id);
  }

  /** A type's name; longer ones than any that the kernel takes are refused. */
  name(offset: number): string {
    if (offset === 0) return '';
    if (offset < this.#stringsBefore) return (this.base as Btf).name(offset);
    const { bytes, where } = this.#strings;
    const at = offset - this.#stringsBefore;
    return readCString(bytes.subarray(0, Math.min(bytes.length, at + longestName)), at, where);
  }

  #offset(id: TypeId): number {
    const offset = this.#isOfBase(id) ? undefined : this.#offsets[id - this.#idsBefore];
    if (offset === undefined) {
      throw new FormatError(this.where, 0, `type ${id} is asked for, ${this.count} exist`);
    }
    return offset;
  }

  #isOfBase(id: TypeId): boolean {
    return id <= this.#idsBefore && this.base !== undefined;
  }

  #kindNumber(offset: number): number {
    return (this.#view.getUint32(offset + 4, this.#types.littleEndian) >>> 24) & 0x1f;
  }

  #record(id: TypeId): TypeRecord | undefined {
    if (id === 0) return undefined;
    const offset = this.#offset(id);
    const littleEndian = this.#types.littleEndian;
    const info = this.#view.getUint32(offset + 4, littleEndian);
    return {
      kind: kindNames[(info >>> 24) & 0x1f] as BtfKind,
      name: this.name(this.#view.getUint32(offset, littleEndian)),
      flag: info >>> 31 === 1,
      length: info & 0xffff,
      sizeOrType: this.#view.getUint32(offset + 8, littleEndian),
      view: this.#view,
      offset: offset + typeHeaderSize,
      littleEndian,
    };
  }

  #stringIs(at: number, wanted: Uint8Array): boolean {
    if (at < this.#stringsBefore) return (this.base as Btf).#stringIs(at, wanted);
    const { bytes } = this.#strings;
    const offset = at - this.#stringsBefore;
    for (let index = 0; index < wanted.length; index++) {
      if (bytes[offset + index] !== wanted[index]) return false;
    }
    return bytes[offset + wanted.length] === 0;
  }
}
