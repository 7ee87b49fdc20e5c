/**
 * Machine code as text, by the machine's own objdump (GNU's or LLVM's): no kept package of npm reads both x86-64 and
 * arm64, and code of a JIT is always of the machine that runs it.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { XdpkitError } from '../errors/error.js';

export interface MachineInstruction {
  /** Bytes from the code's begin. */
  readonly offset: number;
  readonly text: string;
}

/** Numbers of `e_machine`. */
const machines: Readonly<Record<string, number>> = { x64: 62, arm64: 183 };
const tools = ['objdump', 'llvm-objdump'] as const;

/**
 * Disassembles code that lies at `address`, which jumps and calls are told by. Errors: `TOOL_MISSING`, `UNSUPPORTED` on
 * other machines.
 */
export function disassembleMachineCode(code: Uint8Array, address: bigint): MachineInstruction[] {
  const machine = machines[process.arch];
  if (machine === undefined)
    throw new XdpkitError('UNSUPPORTED', `machine code of ${process.arch} cannot be read here`);
  // More than a megabyte that who only loads an object need not pay, and listing code does not wait.
  const { spawnSync } = createRequire(import.meta.url)('node:child_process') as typeof import('node:child_process');
  const folder = mkdtempSync(join(tmpdir(), 'xdpkit-code-'));
  try {
    const file = join(folder, 'code.elf');
    writeFileSync(file, elfOf(code, address, machine));
    for (const tool of tools) {
      const ran = spawnSync(tool, ['-d', '--no-show-raw-insn', file], {
        encoding: 'utf8',
        maxBuffer: 256 << 20,
        env: { ...process.env, LC_ALL: 'C' },
      });
      if (ran.error === undefined && ran.status === 0) return readListing(ran.stdout, address);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  throw new XdpkitError('TOOL_MISSING', `neither ${tools.join(' nor ')} could read machine code`, {
    hint: 'Install binutils (`apt install binutils`); the bytes are shown by --opcodes without it.',
  });
}

function readListing(text: string, address: bigint): MachineInstruction[] {
  return text.split('\n').flatMap((line) => {
    const [, at, instruction] = /^\s*([0-9a-f]+):\s+(.*?)\s*$/.exec(line) ?? [];
    if (at === undefined || instruction === undefined) return [];
    return [{ offset: Number(BigInt(`0x${at}`) - address), text: instruction.replace(/\s+/g, ' ') }];
  });
}

/** The least ELF file that has code at an address: a header, three sections, their names. */
function elfOf(code: Uint8Array, address: bigint, machine: number): Uint8Array {
  const names = new TextEncoder().encode('\0.text\0.names\0');
  const [headerSize, sectionSize] = [64, 64];
  const codeAt = headerSize;
  const namesAt = codeAt + code.length;
  const sectionsAt = (namesAt + names.length + 7) & ~7;
  const bytes = new Uint8Array(sectionsAt + 3 * sectionSize);
  const view = new DataView(bytes.buffer);
  // magic, 64 bits, little-endian, version 1; type 16: executable, machine 18, version 20, sections 40, sizes 52 on
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 2, true);
  view.setUint16(18, machine, true);
  view.setUint32(20, 1, true);
  view.setBigUint64(40, BigInt(sectionsAt), true);
  view.setUint16(52, headerSize, true);
  view.setUint16(58, sectionSize, true);
  view.setUint16(60, 3, true);
  view.setUint16(62, 2, true);
  bytes.set(code, codeAt);
  bytes.set(names, namesAt);
  const section = (index: number, name: number, type: number, flags: number, at: number, size: number): void => {
    const from = sectionsAt + index * sectionSize;
    view.setUint32(from, name, true);
    view.setUint32(from + 4, type, true);
    view.setBigUint64(from + 8, BigInt(flags), true);
    view.setBigUint64(from + 16, flags === 0 ? 0n : address, true);
    view.setBigUint64(from + 24, BigInt(at), true);
    view.setBigUint64(from + 32, BigInt(size), true);
    view.setBigUint64(from + 48, 1n, true);
  };
  // Allocated and executable; a string table.
  section(1, 1, 1, 6, codeAt, code.length);
  section(2, 7, 3, 0, namesAt, names.length);
  return bytes;
}
