/**
 * Reader of ELF objects for BPF: 64-bit, either byte order. Source: the System V ABI, chapters 4 and 5, and
 * `include/uapi/linux/elf.h`. Data are views of the file's bytes; nothing is copied.
 */
import { Cursor, readCString } from '../bytes/cursor.js';
import { FormatError, XdpkitError } from '../errors/error.js';
import { machineBpf, machineName, machineNone } from './machines.js';

export const sectionType = { progbits: 1, symbolTable: 2, stringTable: 3, rela: 4, nobits: 8, rel: 9 } as const;
export const sectionFlag = { write: 1, alloc: 2, executable: 4 } as const;
export const symbolType = { none: 0, object: 1, function: 2, section: 3, file: 4 } as const;
export const symbolBinding = { local: 0, global: 1, weak: 2 } as const;
export const symbolVisibility = { default: 0, internal: 1, hidden: 2 } as const;
/** Section index of a symbol that is defined elsewhere. */
export const undefinedSection = 0;

export interface ElfSection {
  readonly index: number;
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  /** Bytes in memory; equal to `data.length` but for sections without data (`.bss`). */
  readonly size: number;
  readonly link: number;
  readonly info: number;
  readonly entrySize: number;
  /** Bytes from the start of the file. */
  readonly offset: number;
  readonly data: Uint8Array;
}

export interface ElfSymbol {
  readonly name: string;
  /** Index into `ElfFile.sections`; 0 where undefined, 0xff00 and above for absolute and common symbols. */
  readonly section: number;
  readonly value: number;
  readonly size: number;
  readonly type: number;
  readonly binding: number;
  readonly visibility: number;
}

export interface ElfRelocation {
  /** Bytes from the start of the section that is patched. */
  readonly offset: number;
  /** Index into `ElfFile.symbols`. */
  readonly symbol: number;
  /** `R_BPF_…`. */
  readonly type: number;
}

export interface ElfFile {
  readonly littleEndian: boolean;
  readonly machine: number;
  readonly sections: readonly ElfSection[];
  readonly symbols: readonly ElfSymbol[];
  /** By the index of the section that is patched, for sections that are loaded (`alloc`). */
  readonly relocations: ReadonlyMap<number, readonly ElfRelocation[]>;
}

/** A section without data says how much memory it wants; more than this in all is taken for damage. */
const largestMemory = 64 * 1024 * 1024;
const sectionHeaderSize = 64;
const symbolSize = 24;
const relocationSize = 16;
const noData = new Uint8Array(0);
/** `e_shnum` 0 and `e_shstrndx` 0xffff: the real numbers stand in section header 0. */
const extendedIndex = 0xffff;

export function isElf(bytes: Uint8Array): boolean {
  return bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46;
}

/**
 * Reads an object file; `where` names it in errors. Throws `XdpkitError` NOT_ELF, WRONG_MACHINE (also for 32-bit
 * files) or MALFORMED with the absolute offset.
 */
export function readElf(bytes: Uint8Array, where: string): ElfFile {
  if (!isElf(bytes)) {
    throw new XdpkitError('NOT_ELF', `${where} is not an ELF object${bytes.length === 0 ? ': it is empty' : ''}`, {
      hint: 'Compile the C source with: xdpkit build FILE.c',
    });
  }
  const littleEndian = byteOrder(bytes, where);
  // Node's Buffers would pass on their own ways (a `slice` that shares memory) to every view.
  const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  const cursor = new Cursor(plain, where, { littleEndian });
  const machine = cursor.seek(18).u16();
  if (machine !== machineBpf && machine !== machineNone) {
    throw wrongMachine(`${where} was compiled for ${machineName(machine)}, not for BPF`);
  }
  const sections = readSections(cursor);
  const symbolTable = sections.find((section) => section.type === sectionType.symbolTable);
  const symbols = symbolTable ? readSymbols(cursor, sections, symbolTable) : [];
  return { littleEndian, machine, sections, symbols, relocations: readRelocations(cursor, sections, symbols.length) };
}

/** The contents of a section by its name, of a 64-bit ELF file for any machine (a kernel's `vmlinux`). */
export function readElfSection(bytes: Uint8Array, where: string, name: string): Uint8Array | undefined {
  const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  const cursor = new Cursor(plain, where, { littleEndian: byteOrder(bytes, where) });
  return readSections(cursor).find((section) => section.name === name)?.data;
}

function byteOrder(bytes: Uint8Array, where: string): boolean {
  const [width, order] = [bytes[4], bytes[5]];
  if (width === 1) throw wrongMachine(`${where} is a 32-bit ELF file, and BPF objects are 64-bit`);
  if (width !== 2) throw new FormatError(where, 4, `ELF class ${width} is neither 32-bit nor 64-bit`);
  if (order !== 1 && order !== 2) throw new FormatError(where, 5, `ELF byte order ${order} is neither of the two`);
  return order === 1;
}

function wrongMachine(message: string): XdpkitError {
  return new XdpkitError('WRONG_MACHINE', message, { hint: 'Compile the C source with: xdpkit build FILE.c' });
}

function readSections(file: Cursor): ElfSection[] {
  const tableOffset = file.seek(40).size64();
  if (tableOffset === 0) return [];
  const entrySize = file.seek(58).u16();
  if (entrySize !== sectionHeaderSize) throw file.error(`section headers of ${entrySize} bytes, not 64`, 58);
  let count = file.u16();
  let namesIndex = file.u16();
  const first = file.window(tableOffset, sectionHeaderSize);
  if (count === 0) count = first.seek(32).size64();
  if (namesIndex === extendedIndex) namesIndex = first.seek(40).u32();

  const table = file.window(tableOffset, count * sectionHeaderSize);
  const headers: (Omit<ElfSection, 'name'> & { name: string })[] = [];
  const nameOffsets: number[] = [];
  let memory = 0;
  for (let index = 0; index < count; index++) {
    nameOffsets.push(table.u32());
    const type = table.u32();
    const flags = table.size64();
    const offset = table.skip(8).size64();
    const size = table.size64();
    const [link, info] = [table.u32(), table.u32()];
    const entrySize = table.skip(8).size64();
    const hasData = type !== 0 && type !== sectionType.nobits;
    if (type === sectionType.nobits) memory += size;
    if (memory > largestMemory) {
      throw table.error(`sections without data ask for ${memory} bytes of memory`, index * sectionHeaderSize + 32);
    }
    const data = hasData ? file.part(offset, size) : noData;
    headers.push({ index, name: '', type, flags, size, link, info, entrySize, offset, data });
  }
  const names = headers[namesIndex];
  if (!names) throw file.error(`section ${namesIndex} should hold the names, ${count} sections exist`, 62);
  const nameAt = namesOf(file, names);
  for (const header of headers) header.name = header.type === 0 ? '' : nameAt(nameOffsets[header.index] ?? 0);
  return headers;
}

function readSymbols(file: Cursor, sections: readonly ElfSection[], table: ElfSection): ElfSymbol[] {
  const names = sections[table.link];
  if (!names) throw file.error(`symbol names in section ${table.link}, ${sections.length} exist`, table.offset);
  const cursor = sectionCursor(file, table, symbolSize);
  const nameAt = namesOf(file, names);
  const symbols: ElfSymbol[] = [];
  while (cursor.remaining > 0) {
    const nameOffset = cursor.u32();
    const info = cursor.u8();
    const visibility = cursor.u8() & 3;
    const section = cursor.u16();
    const value = cursor.size64();
    const size = cursor.size64();
    const name = nameOffset === 0 ? '' : nameAt(nameOffset);
    symbols.push({ name, section, value, size, type: info & 15, binding: info >> 4, visibility });
  }
  return symbols;
}

function readRelocations(file: Cursor, sections: readonly ElfSection[], symbolCount: number) {
  const relocations = new Map<number, ElfRelocation[]>();
  for (const section of sections) {
    if (section.type !== sectionType.rel) continue;
    const patched = sections[section.info];
    if (!patched) {
      throw file.error(`${section.name} patches section ${section.info}, ${sections.length} exist`, section.offset);
    }
    // Types and debug information are patched when objects are joined; they have the most relocations by far.
    if ((patched.flags & sectionFlag.alloc) === 0) continue;
    const list = relocations.get(section.info) ?? [];
    const cursor = sectionCursor(file, section, relocationSize);
    while (cursor.remaining > 0) {
      const offset = cursor.size64();
      // r_info is one 64-bit number, so its halves change places with the byte order.
      const [first, second] = [cursor.u32(), cursor.u32()];
      const [type, symbol] = file.littleEndian ? [first, second] : [second, first];
      if (symbol >= symbolCount) throw cursor.error(`relocation to symbol ${symbol}, ${symbolCount} exist`);
      list.push({ offset, symbol, type });
    }
    relocations.set(section.info, list);
  }
  return relocations;
}

function sectionCursor(file: Cursor, section: ElfSection, entrySize: number): Cursor {
  const { data, offset } = section;
  const where = `${file.where}, section ${section.name}`;
  const cursor = new Cursor(data, where, { littleEndian: file.littleEndian, base: offset });
  if (data.length % entrySize !== 0) throw cursor.error(`${data.length} bytes are no whole number of entries`);
  return cursor;
}

/** Longer names than this are taken for damage: a string table of one endless string would be decoded many times over. */
const longestName = 4096;
const utf8 = new TextDecoder();

/** A table without anything but ASCII, as all are that compilers make, is decoded once: names are parts of it. */
function namesOf(file: Cursor, { data }: { readonly data: Uint8Array }): (offset: number) => string {
  const text = utf8.decode(data);
  const isPlain = text.length === data.length && !text.includes('\ufffd');
  return (offset) => {
    const end = isPlain ? text.indexOf('\0', offset) : -1;
    if (end >= offset && end - offset < longestName) return text.slice(offset, end);
    return readCString(data.subarray(0, Math.min(data.length, offset + longestName)), offset, `${file.where}, names`);
  };
}
