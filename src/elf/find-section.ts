/**
 * One section of an ELF file of any machine, without the rest: a kernel with its debug information has a gigabyte.
 * 64-bit, either byte order. Source: the System V ABI, chapter 4.
 */
import { Cursor, readCString } from '../bytes/cursor.js';
import { FormatError } from '../errors/error.js';

export interface SectionPlace {
  /** Bytes from the start of the file. */
  readonly offset: number;
  readonly size: number;
}

/** Reads bytes of the file; fewer than asked for where it ends. */
export type ReadRange = (offset: number, length: number) => Uint8Array;

const headerSize = 64;
const sectionHeaderSize = 64;
/** Sections of a kernel and its modules are some hundreds; more is taken for damage. */
const mostSections = 0xffff;
const longestNames = 16 * 1024 * 1024;
const compressed = 1 << 11;

/** Undefined where there is no section of that name. Throws `FormatError` with absolute offsets. */
export function findElfSection(read: ReadRange, name: string, where: string): SectionPlace | undefined {
  const bytes = (offset: number, length: number): Uint8Array => {
    const found = read(offset, length);
    if (found.length < length)
      throw new FormatError(where, offset, `${length} bytes are asked for, the file ends before`);
    return found;
  };
  const identity = bytes(0, headerSize);
  if (identity[4] !== 2) throw new FormatError(where, 4, 'it is no 64-bit ELF file');
  const littleEndian = identity[5] === 1;
  const cursorAt = (offset: number, length: number) =>
    new Cursor(bytes(offset, length), where, { littleEndian, base: offset });
  const header = cursorAt(0, headerSize);
  const table = header.seek(40).size64();
  if (table === 0) return undefined;
  if (header.seek(58).u16() !== sectionHeaderSize) throw header.error('its section headers have not 64 bytes', 58);
  const [count, namesIndex] = [header.seek(60).u16(), header.seek(62).u16()];
  const first = cursorAt(table, sectionHeaderSize);
  const total = count === 0 ? first.seek(32).size64() : count;
  if (total > mostSections) throw header.error(`it has ${total} sections`, 60);
  const headers = cursorAt(table, total * sectionHeaderSize);
  const place = (index: number): SectionPlace => ({
    offset: headers.seek(index * sectionHeaderSize + 24).size64(),
    size: headers.seek(index * sectionHeaderSize + 32).size64(),
  });
  const namesAt = namesIndex === 0xffff ? first.seek(40).u32() : namesIndex;
  if (namesAt >= total) throw header.error(`section ${namesAt} should hold the names, ${total} exist`, 62);
  const { offset, size } = place(namesAt);
  if (size > longestNames) throw header.error(`names of sections take ${size} bytes`, 62);
  const names = bytes(offset, size);
  for (let index = 1; index < total; index++) {
    const nameOffset = headers.seek(index * sectionHeaderSize).u32();
    if (readCString(names, nameOffset, `${where}, names`) !== name) continue;
    const flags = headers.seek(index * sectionHeaderSize + 8).size64();
    if (flags & compressed) throw headers.error(`section ${name} is compressed`, index * sectionHeaderSize + 8);
    return place(index);
  }
  return undefined;
}
