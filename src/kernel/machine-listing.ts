/** The machine code of a program, as the JIT made it, for people to read. */

import { readFileSync } from 'node:fs';
import { declarationOf, type SourceLine, sourcesAt } from '../btf/source-lines.js';
import { XdpkitError } from '../errors/error.js';
import { type KernelSymbols, readKernelSymbols } from '../linux/kernel-symbols.js';
import { disassembleMachineCode, type MachineInstruction } from './disassembler.js';
import { readKernelBtf } from './kernel-btf.js';
import { describeProgram } from './list-programs.js';
import { readMachineCode, readProgramCode } from './program-code.js';

export interface ListedMachineInstruction extends MachineInstruction {
  readonly bytes: Uint8Array;
  /** The function of the kernel, or of the program, that is called. */
  readonly calls: string | undefined;
  readonly source: SourceLine | undefined;
}

export interface ListedMachineFunction {
  /** How C declares it; undefined for a program without BTF. */
  readonly declaration: string | undefined;
  /** Where it lies; 0 where the kernel hides that. */
  readonly address: bigint;
  readonly bytes: Uint8Array;
  /** Undefined where nothing on this machine can read it; `refusal` says what is missing. */
  readonly instructions: readonly ListedMachineInstruction[] | undefined;
  readonly refusal: XdpkitError | undefined;
}

/**
 * Lists machine code. Errors: `UNSUPPORTED` where the JIT is off, `NOT_PERMITTED` where the kernel hides its code. Source
 * lines since Linux 5.0, for programs that were loaded with BTF.
 */
export function listMachineCode(fd: number): ListedMachineFunction[] {
  const info = describeProgram(fd);
  const machine = readMachineCode(fd);
  if (machine === undefined) {
    throw new XdpkitError('UNSUPPORTED', `program ${info.id} has no machine code: the kernel interprets it`, {
      hint: 'The JIT is turned on by `sysctl net.core.bpf_jit_enable=1`, for programs that are loaded from then on.',
    });
  }
  const { image, functions, lineAddresses } = machine;
  if (image === undefined) {
    throw new XdpkitError('NOT_PERMITTED', `read the machine code of program ${info.id}: the kernel hides it`, {
      hint: hiddenHint(),
    });
  }
  const code = readProgramCode(fd);
  const btf = readKernelBtf(info.btfId);
  const sources = new Map<bigint, SourceLine>();
  const lines = sourcesAt(code.lines, btf);
  for (const [index, address] of lineAddresses.entries()) {
    const source = lines.get(code.lines[index]?.at ?? -1);
    if (source !== undefined && !sources.has(address)) sources.set(address, source);
  }
  const declarations = code.functions.map(({ typeId }) => btf && declarationOf(btf, typeId));
  const names = code.functions.map(({ typeId }) => btf?.type(typeId).name);
  const own = new Map(functions.map(({ address }, index) => [address, names[index]]));
  let symbols: KernelSymbols | undefined;
  const nameAt = (address: bigint): string | undefined => {
    if (own.has(address)) return own.get(address);
    symbols ??= readKernelSymbols();
    return symbols.nameAt(address);
  };
  let at = 0;
  return functions.map(({ address, length }, index): ListedMachineFunction => {
    const bytes = image.subarray(at, at + length);
    at += length;
    const listed = listFunction(bytes, address, nameAt, sources);
    return { declaration: declarations[index], address, bytes, ...listed };
  });
}

function listFunction(
  bytes: Uint8Array,
  address: bigint,
  nameAt: (address: bigint) => string | undefined,
  sources: ReadonlyMap<bigint, SourceLine>,
): Pick<ListedMachineFunction, 'instructions' | 'refusal'> {
  let raw: MachineInstruction[];
  try {
    raw = disassembleMachineCode(bytes, address);
  } catch (error) {
    if (!(error instanceof XdpkitError)) throw error;
    return { instructions: undefined, refusal: error };
  }
  const end = address + BigInt(bytes.length);
  const instructions = raw.map(({ offset, text }, index): ListedMachineInstruction => {
    const target = targetOf(text);
    const isInside = target !== undefined && target.address >= address && target.address < end;
    const calls = target && !isInside && address !== 0n ? nameAt(target.address) : undefined;
    // Within the function offsets are what the lines begin with.
    const place = target && isInside ? `0x${(target.address - address).toString(16)}` : undefined;
    return {
      offset,
      text: target ? `${target.before}${place ?? calls ?? `0x${target.address.toString(16)}`}` : text,
      bytes: bytes.subarray(offset, raw[index + 1]?.offset ?? bytes.length),
      calls,
      source: address === 0n ? undefined : sources.get(address + BigInt(offset)),
    };
  });
  return { instructions, refusal: undefined };
}

/** The address that a jump or call goes to; GNU's objdump writes it without 0x, both add a symbol that says nothing. */
function targetOf(text: string): { before: string; address: bigint } | undefined {
  const found = /^((?:j\w+|call\w*|b|bl|b\.\w+|cbn?z|tbn?z)\s(?:[^<]*,\s*)?)(?:0x)?([0-9a-f]+)(?:\s*<[^>]*>)?$/.exec(
    text,
  );
  return found ? { before: found[1] ?? '', address: BigInt(`0x${found[2]}`) } : undefined;
}

/** `kallsyms_show_value` of Linux `kernel/kallsyms.c`. */
function hiddenHint(): string {
  let restriction = '';
  try {
    restriction = readFileSync('/proc/sys/kernel/kptr_restrict', 'utf8').trim();
  } catch {
    // Not to be had in some containers: then the general answer has to do.
  }
  return restriction === '2'
    ? 'kernel.kptr_restrict is 2, which hides addresses from everybody: `sysctl kernel.kptr_restrict=1`.'
    : 'It shows addresses to CAP_SYSLOG: run it as root.';
}
