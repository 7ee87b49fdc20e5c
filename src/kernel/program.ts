import type { FileDescriptor } from '../linux/file-descriptor.js';
import { type ProgramInfo, readProgramInfo } from './info.js';
import { openById } from './iterate.js';
import { pinObject } from './pin.js';

/** A program in the kernel. */
export class BpfProgram {
  /** The function's name in full; as cut by the kernel for a program that was opened by id. */
  readonly name: string;
  /** Kernel name of the type, `xdp`. */
  readonly type: string;
  readonly #fd: FileDescriptor;

  constructor(fd: FileDescriptor, name: string, type: string) {
    this.#fd = fd;
    this.name = name;
    this.type = type;
  }

  get fd(): number {
    return this.#fd.number;
  }

  get id(): number {
    return this.info().id;
  }

  /** Asks the kernel anew. */
  info(): ProgramInfo {
    return readProgramInfo(this.fd);
  }

  /** Pins the program at `path` on a BPF file system: it then outlives the process. Errors: `PIN_EXISTS`. */
  pin(path: string): void {
    pinObject(this.fd, path, `program "${this.name}"`);
  }

  [Symbol.dispose](): void {
    this.#fd.close();
  }
}

/** A program that the kernel already has; undefined when it is gone. */
export function openProgramById(id: number): BpfProgram | undefined {
  const fd = openById('program', id);
  if (fd === undefined) return undefined;
  const { name, type } = readProgramInfo(fd.number);
  return new BpfProgram(fd, name, type);
}
