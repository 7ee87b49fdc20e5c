/** What the kernel made of a program's code, and what it remembers of its source. `struct bpf_prog_info`. */
import type { LineRecord } from '../btf/source-lines.js';
import { hostIsLittleEndian } from '../bytes/byte-order.js';
import { programInfoSize, readInfo } from './info.js';

export interface FunctionRecord {
  /** Index of the function's first instruction; a 64-bit load counts as two. */
  readonly at: number;
  /** BTF id in the program's own BTF. */
  readonly typeId: number;
}

export interface ProgramCode {
  /** Instructions as the verifier left them; undefined where the kernel hides them. */
  readonly translated: Uint8Array | undefined;
  /** The program itself, then its sub-programs. Since Linux 5.0; empty for a program without BTF. */
  readonly functions: readonly FunctionRecord[];
  /** Ascending. */
  readonly lines: readonly LineRecord[];
}

// Offsets into struct bpf_prog_info.
const at = {
  translatedSize: 20,
  translated: 32,
  functionSize: 132,
  functions: 136,
  functionCount: 144,
  lineCount: 148,
  lines: 152,
  lineSize: 172,
} as const;
const functionSize = 8;
const lineSize = 16;

/** Functions only: the code itself can be long. */
export function readProgramFunctions(fd: number): readonly FunctionRecord[] {
  const count = readInfo(fd, programInfoSize, 'program').getU32(at.functionCount);
  if (count === 0) return [];
  const functions = new Uint8Array(new ArrayBuffer(count * functionSize));
  readInfo(fd, programInfoSize, 'program', (info) =>
    info.u32(at.functionCount, count).u32(at.functionSize, functionSize).pointer(at.functions, functions),
  );
  return functionRecords(functions);
}

export function readProgramCode(fd: number): ProgramCode {
  const sizes = readInfo(fd, programInfoSize, 'program');
  const translated = new Uint8Array(new ArrayBuffer(sizes.getU32(at.translatedSize)));
  const functions = new Uint8Array(new ArrayBuffer(sizes.getU32(at.functionCount) * functionSize));
  const lines = new Uint8Array(new ArrayBuffer(sizes.getU32(at.lineCount) * lineSize));
  const info = readInfo(fd, programInfoSize, 'program', (wanted) => {
    wanted.u32(at.translatedSize, translated.length).pointer(at.translated, translated);
    if (functions.length > 0) {
      wanted.u32(at.functionCount, functions.length / functionSize).u32(at.functionSize, functionSize);
      wanted.pointer(at.functions, functions);
    }
    if (lines.length > 0) {
      wanted
        .u32(at.lineCount, lines.length / lineSize)
        .u32(at.lineSize, lineSize)
        .pointer(at.lines, lines);
    }
  });
  // The kernel takes the pointer away where it may not show the code.
  const hidden = translated.length === 0 || info.view.getBigUint64(at.translated, hostIsLittleEndian) === 0n;
  return {
    translated: hidden ? undefined : translated,
    functions: functionRecords(functions),
    lines: lineRecords(lines),
  };
}

export interface MachineCode {
  /** All functions of the program, one behind the other; undefined where the kernel hides them. */
  readonly image: Uint8Array | undefined;
  /** The program itself, then its sub-programs. Addresses are 0 where the kernel hides them. */
  readonly functions: readonly { readonly address: bigint; readonly length: number }[];
  /** Where the code of each record of `lines` begins, in their order; empty where the kernel hides it. */
  readonly lineAddresses: readonly bigint[];
}

const machineAt = {
  size: 16,
  image: 24,
  addressCount: 104,
  lengthCount: 108,
  addresses: 112,
  lengths: 120,
  lineAddresses: 160,
  lineAddressCount: 168,
  lineAddressSize: 176,
} as const;

/** What the JIT made of the program; undefined where it did not work. Since Linux 4.18, source lines since 5.0. */
export function readMachineCode(fd: number): MachineCode | undefined {
  const sizes = readInfo(fd, programInfoSize, 'program');
  const bytes = (length: number): Uint8Array => new Uint8Array(new ArrayBuffer(length));
  const image = bytes(sizes.getU32(machineAt.size));
  if (image.length === 0) return undefined;
  const count = sizes.getU32(machineAt.addressCount);
  const lineCount = sizes.getU32(machineAt.lineAddressCount);
  const [addresses, lengths, lineAddresses] = [bytes(count * 8), bytes(count * 4), bytes(lineCount * 8)];
  const info = readInfo(fd, programInfoSize, 'program', (wanted) => {
    wanted.u32(machineAt.size, image.length).pointer(machineAt.image, image);
    if (count > 0) {
      wanted.u32(machineAt.addressCount, count).pointer(machineAt.addresses, addresses);
      wanted.u32(machineAt.lengthCount, count).pointer(machineAt.lengths, lengths);
    }
    if (lineCount > 0) {
      wanted.u32(machineAt.lineAddressCount, lineCount).u32(machineAt.lineAddressSize, 8);
      wanted.pointer(machineAt.lineAddresses, lineAddresses);
    }
  });
  const pointer = (offset: number): bigint => info.view.getBigUint64(offset, hostIsLittleEndian);
  const wide = (from: Uint8Array): bigint[] => {
    const view = new DataView(from.buffer);
    return Array.from({ length: from.length / 8 }, (_, index) => view.getBigUint64(index * 8, hostIsLittleEndian));
  };
  const words = wordsOf(lengths);
  const places = wide(addresses).map((address, index) => ({ address, length: words(index * 4) }));
  return {
    image: pointer(machineAt.image) === 0n ? undefined : image,
    functions: places.length > 0 ? places : [{ address: 0n, length: image.length }],
    lineAddresses: pointer(machineAt.lineAddresses) === 0n ? [] : wide(lineAddresses),
  };
}

function functionRecords(bytes: Uint8Array): FunctionRecord[] {
  const words = wordsOf(bytes);
  return Array.from({ length: bytes.length / functionSize }, (_, index) => ({
    at: words(index * functionSize),
    typeId: words(index * functionSize + 4),
  }));
}

function lineRecords(bytes: Uint8Array): LineRecord[] {
  const words = wordsOf(bytes);
  return Array.from({ length: bytes.length / lineSize }, (_, index) => {
    const lineColumn = words(index * lineSize + 12);
    return {
      at: words(index * lineSize),
      fileNameOffset: words(index * lineSize + 4),
      lineOffset: words(index * lineSize + 8),
      line: lineColumn >>> 10,
      column: lineColumn & 1023,
    };
  });
}

function wordsOf(bytes: Uint8Array): (offset: number) => number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return (offset) => view.getUint32(offset, hostIsLittleEndian);
}
