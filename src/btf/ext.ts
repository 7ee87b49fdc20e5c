/**
 * Reader of `.BTF.ext`: which type each function has, which source line each instruction came from, and the CO-RE
 * relocations, each by ELF section. Source: Linux `Documentation/bpf/btf.rst`, section 4.2.
 */
import { Cursor } from '../bytes/cursor.js';
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
    functions: readSections(functions, btf, 8, (word, at) => ({ offset: word(at), type: word(at + 4) })),
    lines: readSections(lines, btf, 16, (word, at) => ({
      offset: word(at),
      fileNameOffset: word(at + 4),
      lineOffset: word(at + 8),
      lineColumn: word(at + 12),
    })),
    coreRelocations: readSections(core, btf, 16, (word, at) => ({
      offset: word(at),
      type: word(at + 4),
      accessOffset: word(at + 8),
      kind: word(at + 12),
    })),
  };
}

type ReadRecord<T> = (word: (at: number) => number, at: number) => T;

/** The records of a section in the order of their offsets. A program has thousands: they are decoded when asked for. */
export class Records<T extends { readonly offset: number }> {
  readonly #size: number;
  readonly #read: ReadRecord<T>;
  readonly #blocks: Cursor[] = [];
  #decoded: T[] | undefined;

  constructor(size: number, read: ReadRecord<T>) {
    this.#size = size;
    this.#read = read;
  }

  /** Records of the same section may stand apart; called before any is asked for. */
  add(block: Cursor): void {
    this.#blocks.push(block);
  }

  all(): readonly T[] {
    this.#decoded ??= this.#decode();
    return this.#decoded;
  }

  #decode(): T[] {
    const records: T[] = [];
    let sorted = true;
    let before = 0;
    for (const { bytes, littleEndian } of this.#blocks) {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      const word = (at: number) => view.getUint32(at, littleEndian);
      for (let at = 0; at < bytes.length; at += this.#size) {
        const record = this.#read(word, at);
        if (record.offset < before) sorted = false;
        before = record.offset;
        records.push(record);
      }
    }
    if (!sorted) records.sort((left, right) => left.offset - right.offset);
    return records;
  }
}

function readSections<T extends { readonly offset: number }>(
  part: Cursor,
  btf: Btf,
  knownSize: number,
  read: ReadRecord<T>,
): Map<string, Records<T>> {
  const sections = new Map<string, Records<T>>();
  if (part.length === 0) return sections;
  // Newer compilers may append fields.
  const recordSize = part.u32();
  if (recordSize < knownSize) throw part.error(`records of ${recordSize} bytes, at least ${knownSize} are needed`, 0);
  while (part.remaining > 0) {
    const name = btf.name(part.u32());
    const count = part.u32();
    if (count * recordSize > part.remaining) throw part.error(`${count} records are announced, fewer are there`);
    const records = sections.get(name) ?? new Records(recordSize, read);
    records.add(part.window(part.offset, count * recordSize));
    part.skip(count * recordSize);
    sections.set(name, records);
  }
  return sections;
}
