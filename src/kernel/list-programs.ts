/** The programs that the kernel has. */
import type { Btf } from '../btf/btf.js';
import { kernelName } from './bpf.js';
import { type ProgramInfo, readProgramInfo } from './info.js';
import { listIds, openById } from './iterate.js';
import { readKernelBtf } from './kernel-btf.js';
import { readProgramFunctions } from './program-code.js';

export interface ListedProgram extends ProgramInfo {
  /** The C function's name, where the program's BTF tells it; else as the kernel cut it, at 15 bytes. */
  readonly fullName: string;
}

/** All programs by ascending id; those that come or go meanwhile may be missed. Needs CAP_SYS_ADMIN. */
export function* listPrograms(): Generator<ListedProgram> {
  const names = new FullProgramNames();
  for (const id of listIds('program')) {
    using fd = openById('program', id);
    if (fd !== undefined) yield describeProgram(fd.number, names);
  }
}

export function describeProgram(fd: number, names = new FullProgramNames()): ListedProgram {
  const info = readProgramInfo(fd);
  return { ...info, fullName: names.of(fd, info) };
}

const longestName = 15;

/** Reads each BTF once, and none for a name that the kernel did not have to cut. */
export class FullProgramNames {
  readonly #types = new Map<number, Btf | undefined>();

  of(fd: number, { name, btfId }: ProgramInfo): string {
    if (name.length < longestName || btfId === 0) return name;
    const [first] = readProgramFunctions(fd);
    if (first === undefined) return name;
    if (!this.#types.has(btfId)) this.#types.set(btfId, readKernelBtf(btfId));
    const full = this.#types.get(btfId)?.type(first.typeId).name ?? '';
    // A loader may have given the program another name than its function's.
    return kernelName(full) === name ? full : name;
  }
}
