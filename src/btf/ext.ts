/**
 * Reader of `.BTF.ext`: which type each function has, which source line each instruction came from, and the CO-RE
 * relocations, each by ELF section. Source: Linux `Documentation/bpf/btf.rst`, section 4.2.
 */
import { Cursor } from '../bytes/cursor.js';
import { wordsOf } from '../bytes/words.js';
import type { Btf } from './btf.js';
import type { TypeId } from './types.js';

export interface FunctionInfoRecord {
  /** Bytes from the start of the section. */
  readonly offset: number;
  readonly type: TypeId;
}

export interface LineInfoRecord {
  readonly offset: number;
  readonly fileNameOffset: number;
  readonly lineOffset: number;
  /** Line << 10 | column. */
  readonly lineColumn: number;
}

export interface CoreRelocationRecord {
  readonly offset: number;
  readonly type: TypeId;
  readonly accessOffset: number;
  readonly kind: number;
}

/** Records of each ELF section by its name. */
export interface BtfExt {
  readonly functions: ReadonlyMap<string, Records<FunctionInfoRecord>>;
  readonly lines: ReadonlyMap<string, Records<LineInfoRecord>>;
  readonly coreRelocations: ReadonlyMap<string, Records<CoreRelocationRecord>>;
}

const magic = 0xeb9f;
const headerSize = 24;
const headerSizeWithCore = 32;
const wordSize = 4;

/** Reads the bytes of a `.BTF.ext` section; names come from `btf`. Throws `FormatError`. */
export function readBtfExt(bytes: Uint8Array, btf: Btf, where: string): BtfExt {
  const cursor = new Cursor(bytes, where, { littleEndian: btf.byteOrder === 'little' });
  if (cursor.u16() !== magic) throw cursor.error('the magic number 0xeb9f is missing', 0);
  const version = cursor.u8();
  if (version !== 1) throw cursor.error(`version ${version}, only 1 is known`, 2);
  const length = cursor.skip(1).u32();
  if (length < headerSize) throw cursor.error(`a header of ${length} bytes, at least 24 are needed`, 4);
  const part = () => cursor.window(length + cursor.u32(), cursor.u32());
  const [functions, lines] = [part(), part()];
  const core = length >= headerSizeWithCore ? part() : cursor.window(0, 0);
  return {
    functions: readSections(functions, btf, 8, (words, at) => ({
      offset: words[at] as number,
      type: words[at + 1] as number,
    })),
    lines: readSections(lines, btf, 16, (words, at) => ({
      offset: words[at] as number,
      fileNameOffset: words[at + 1] as number,
      lineOffset: words[at + 2] as number,
      lineColumn: words[at + 3] as number,
    })),
    coreRelocations: readSections(core, btf, 16, (words, at) => ({
      offset: words[at] as number,
      type: words[at + 1] as number,
      accessOffset: words[at + 2] as number,
      kind: words[at + 3] as number,
    })),
  };
}

type ReadRecord<T> = (words: Uint32Array, at: number) => T;

/**
 * The records of a section, in the order of their offsets. A program has thousands: they stay words, as they are in the
 * file, until they are asked for.
 */
export class Records<T> {
  /** Words from one record to the next; the first of each is its offset. */
  readonly stride: number;
  readonly #words: Uint32Array;
  readonly #read: ReadRecord<T>;

  constructor(words: Uint32Array, stride: number, read: ReadRecord<T>) {
    this.stride = stride;
    this.#words = inOrder(words, stride);
    this.#read = read;
  }

  all(): T[] {
    const { length } = this.#words;
    return Array.from({ length: length / this.stride }, (_, index) => this.#read(this.#words, index * this.stride));
  }

  /** The words of the records from one offset on, and before another. */
  between(from: number, to: number): Uint32Array {
    return this.#words.subarray(this.#firstFrom(from), this.#firstFrom(to));
  }

  #firstFrom(offset: number): number {
    const { stride } = this;
    let low = 0;
    let high = this.#words.length / stride;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#words[middle * stride] as number) < offset) low = middle + 1;
      else high = middle;
    }
    return low * stride;
  }
}

/** Compilers write them in order, and linkers may not. */
function inOrder(words: Uint32Array, stride: number): Uint32Array {
  let sorted = true;
  for (let at = stride; at < words.length && sorted; at += stride) {
    sorted = (words[at - stride] as number) <= (words[at] as number);
  }
  if (sorted) return words;
  const starts = Array.from({ length: words.length / stride }, (_, index) => index * stride);
  starts.sort((left, right) => (words[left] as number) - (words[right] as number));
  const ordered = new Uint32Array(words.length);
  starts.forEach((start, index) => {
    ordered.set(words.subarray(start, start + stride), index * stride);
  });
  return ordered;
}

function readSections<T>(part: Cursor, btf: Btf, knownSize: number, read: ReadRecord<T>): Map<string, Records<T>> {
  if (part.length === 0) return new Map();
  // Newer compilers may append fields.
  const recordSize = part.u32();
  if (recordSize < knownSize || recordSize % wordSize !== 0) {
    throw part.error(`records of ${recordSize} bytes, words of at least ${knownSize} in all are needed`, 0);
  }
  // Records of the same section may stand apart.
  const blocks = new Map<string, Uint32Array[]>();
  while (part.remaining > 0) {
    const name = btf.name(part.u32());
    const count = part.u32();
    if (count * recordSize > part.remaining) throw part.error(`${count} records are announced, fewer are there`);
    const block = wordsOf(part.window(part.offset, count * recordSize));
    part.skip(count * recordSize);
    const known = blocks.get(name);
    if (known) known.push(block);
    else blocks.set(name, [block]);
  }
  const stride = recordSize / wordSize;
  return new Map([...blocks].map(([name, found]) => [name, new Records(joined(found), stride, read)]));
}

function joined(blocks: readonly Uint32Array[]): Uint32Array {
  const [first, ...others] = blocks;
  if (first && others.length === 0) return first;
  const all = new Uint32Array(blocks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const block of blocks) {
    all.set(block, at);
    at += block.length;
  }
  return all;
}
