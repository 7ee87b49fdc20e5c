import { XdpkitError } from '../errors/error.js';
import { mmap, viewMemory } from './ffi.js';
import { lastError } from './syscall-error.js';
import { systemCall } from './syscalls.js';

const protections = { read: 1, 'read-write': 3 } as const;
const mapShared = 1;

/**
 * A shared memory map of a descriptor. The mapped bytes must not be kept beyond the owner's life: `bytes` is asked for
 * at every use and refuses once the map is closed, since touching unmapped memory ends the process.
 */
export class MemoryMap {
  readonly #address: bigint;
  readonly #length: number;
  readonly #what: string;
  #bytes: Uint8Array | undefined;

  /** `what` names the thing in errors. Throws `SyscallError` when the kernel can't map it. */
  constructor(fd: number, length: number, access: keyof typeof protections, what: string) {
    const address = mmap(length, protections[access], mapShared, fd, 0);
    if (address === undefined) throw lastError(`map ${what} into memory`, { syscall: 'mmap' });
    this.#address = address;
    this.#length = length;
    this.#what = what;
    this.#bytes = new Uint8Array(viewMemory(address, length));
  }

  get bytes(): Uint8Array {
    if (this.#bytes === undefined) throw new XdpkitError('CLOSED', `${this.#what} was used after it was closed`);
    return this.#bytes;
  }

  [Symbol.dispose](): void {
    if (this.#bytes === undefined) return;
    this.#bytes = undefined;
    systemCall('munmap', this.#address, this.#length);
  }
}
