/** The types of kernel modules: split BTF, which goes on with the kernel's own. Since Linux 5.11. */
import { type Btf, readBtf } from '../btf/btf.js';
import { XdpkitError } from '../errors/error.js';
import type { FileDescriptor } from '../linux/file-descriptor.js';
import { readBtfBytes, readKernelBtfName } from './info.js';
import { listIds, openById } from './iterate.js';

export interface ModuleBtf {
  readonly name: string;
  readonly btf: Btf;
  readonly fd: FileDescriptor;
}

/** Modules as they are asked for, each opened once; closing it closes them all. */
export class ModuleTypes implements Disposable {
  readonly #open: ModuleBtf[] = [];
  #looked: { readonly problem: string | undefined } | undefined;

  /**
   * All modules that have types, and why they could not be looked at where they could not: it takes CAP_SYS_ADMIN.
   */
  list(kernel: Btf): { readonly modules: readonly ModuleBtf[]; readonly problem: string | undefined } {
    this.#looked ??= this.#look(kernel);
    return { modules: this.#open, problem: this.#looked.problem };
  }

  fd(module: string): number {
    const found = this.#open.find(({ name }) => name === module);
    if (found) return found.fd.number;
    throw new XdpkitError('FAILED', `the types of kernel module ${module} are not open`);
  }

  #look(kernel: Btf): { problem: string | undefined } {
    try {
      for (const id of listIds('BTF')) {
        const fd = openById('BTF', id);
        if (fd && !this.#keep(fd, kernel)) fd.close();
      }
      return { problem: undefined };
    } catch (error) {
      if (!(error instanceof XdpkitError)) throw error;
      return { problem: error.message };
    }
  }

  /** Whether it is a module's. */
  #keep(fd: FileDescriptor, kernel: Btf): boolean {
    try {
      const name = readKernelBtfName(fd.number);
      if (name === undefined || name === 'vmlinux') return false;
      this.#open.push({ name, btf: readBtf(readBtfBytes(fd.number), `kernel module ${name}`, kernel), fd });
      return true;
    } catch (error) {
      fd.close();
      throw error;
    }
  }

  [Symbol.dispose](): void {
    for (const { fd } of this.#open.splice(0)) fd.close();
  }
}
