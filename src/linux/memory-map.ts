import { closeSync, fstatSync, openSync } from 'node:fs';
import { XdpkitError } from '../errors/error.js';
import { mmap, viewMemory } from './ffi.js';
import { lastError } from './syscall-error.js';
import { systemCall } from './syscalls.js';

const protections = { read: 1, 'read-write': 3 } as const;
const flags = { shared: 0x01, private: 0x02, fixed: 0x10, anonymous: 0x20, noReserve: 0x4000 } as const;

/** Gives addresses back once nobody can reach them any more. */
const unreachable = new FinalizationRegistry<readonly [address: bigint, length: number]>(([address, length]) => {
  systemCall('munmap', address, length);
});

/**
 * A shared memory map of a descriptor. `bytes` is asked for at every use and refuses once the map is closed. A view that
 * somebody kept beyond that shows zeroes: touching unmapped memory would end the process, so closing puts empty memory
 * in the place of the descriptor's, and the addresses are given back when the last view is gone.
 */
export class MemoryMap {
  readonly #address: bigint;
  readonly #length: number;
  readonly #what: string;
  #bytes: Uint8Array | undefined;

  /**
   * `what` names the thing in errors; `offset` in bytes; `at` is an address to ask for, 0 where any will do. Throws
   * `SyscallError` when the kernel can't map it.
   */
  constructor(fd: number, length: number, access: keyof typeof protections, what: string, offset = 0, at = 0n) {
    const address = mmap(length, protections[access], flags.shared, fd, offset, at);
    if (address === undefined) throw lastError(`map ${what} into memory`, { syscall: 'mmap' });
    this.#address = address;
    this.#length = length;
    this.#what = what;
    this.#bytes = new Uint8Array(viewMemory(address, length));
  }

  /** Writing to it where it is mapped for reading ends the process. */
  get bytes(): Uint8Array {
    if (this.#bytes === undefined) throw new XdpkitError('CLOSED', `${this.#what} was used after it was closed`);
    return this.#bytes;
  }

  [Symbol.dispose](): void {
    if (this.#bytes === undefined) return;
    const empty = flags.private | flags.fixed | flags.anonymous | flags.noReserve;
    mmap(this.#length, protections['read-write'], empty, -1, 0, this.#address);
    unreachable.register(this.#bytes.buffer, [this.#address, this.#length]);
    this.#bytes = undefined;
  }
}

/**
 * A file of the kernel's own in memory, without a copy; undefined where it cannot be mapped (`/sys/kernel/btf/vmlinux` can
 * since Linux 6.16). The memory goes as any other does, when nobody holds it. Writing to it ends the process, and so does
 * reading what a file has lost since: it is not for files that may shrink.
 */
export function mapKernelFile(path: string): Uint8Array | undefined {
  const fd = openSync(path, 'r');
  try {
    const { size } = fstatSync(fd);
    const address = size > 0 ? mmap(size, protections.read, flags.private, fd, 0) : undefined;
    if (address === undefined) return undefined;
    const buffer = viewMemory(address, size);
    unreachable.register(buffer, [address, size]);
    return new Uint8Array(buffer);
  } finally {
    closeSync(fd);
  }
}
