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

/** Records of each ELF section by its name, in the order of their offsets. */
export interface BtfExt {
  readonly functions: ReadonlyMap<string, readonly FunctionInfoRecord[]>;
  readonly lines: ReadonlyMap<string, readonly LineInfoRecord[]>;
  readonly coreRelocations: ReadonlyMap<string, readonly CoreRelocationRecord[]>;
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
    functions: readSections(functions, btf, 8, (record) => ({ offset: record.u32(), type: record.u32() })),
    lines: readSections(lines, btf, 16, (record) => ({
      offset: record.u32(),
      fileNameOffset: record.u32(),
      lineOffset: record.u32(),
      lineColumn: record.u32(),
    })),
    coreRelocations: readSections(core, btf, 16, (record) => ({
      offset: record.u32(),
      type: record.u32(),
      accessOffset: record.u32(),
      kind: record.u32(),
    })),
  };
}

function readSections<T extends { readonly offset: number }>(
  part: Cursor,
  btf: Btf,
  knownSize: number,
  read: (record: Cursor) => T,
): Map<string, T[]> {
  const sections = new Map<string, T[]>();
  if (part.length === 0) return sections;
  const recordSize = part.u32();
  if (recordSize < knownSize) throw part.error(`records of ${recordSize} bytes, at least ${knownSize} are needed`, 0);
  while (part.remaining > 0) {
    const name = btf.name(part.u32());
    const count = part.u32();
    if (count * recordSize > part.remaining) throw part.error(`${count} records are announced, fewer are there`);
    const records = sections.get(name) ?? [];
    let sorted = true;
    for (let index = 0; index < count; index++) {
      const record = read(part);
      const before = records[records.length - 1];
      if (before && before.offset > record.offset) sorted = false;
      records.push(record);
      // Newer compilers may append fields.
      part.skip(recordSize - knownSize);
    }
    if (!sorted) records.sort((left, right) => left.offset - right.offset);
    sections.set(name, records);
  }
  return sections;
}
