/**
 * Waiting until descriptors can be read, without holding up the event loop. However many wait, one thread of Node's pool
 * (which has four, and files and names need them too) waits for all of them.
 */
import { hostIsLittleEndian } from '../bytes/byte-order.js';
import { epollWaitAsync } from './ffi.js';
import { duplicateDescriptor, FileDescriptor } from './file-descriptor.js';
import { mustCall, systemCall } from './syscalls.js';

export interface WaitOptions {
  /** Ends the wait without a result. */
  readonly signal?: AbortSignal | undefined;
  /** Ends the wait without a result after so many milliseconds; never unless given. */
  readonly milliseconds?: number | undefined;
}

const readable = 1;
const operations = { add: 1, remove: 2 } as const;
const closeOnExec = 0o2000000;
/** struct epoll_event is packed on x86-64 alone: events u32 0, data u64 4 or 8. */
const [eventSize, dataOffset] = process.arch === 'x64' ? [12, 4] : [16, 8];
const eventsAtOnce = 64;

/** Owns an epoll descriptor, which itself can be waited for: it is readable while any of its members is. */
export class Epoll {
  readonly #fd: FileDescriptor;

  constructor() {
    this.#fd = new FileDescriptor(mustCall('epoll_create1', 'make an epoll descriptor', [closeOnExec]), 'epoll');
  }

  get fd(): number {
    return this.#fd.number;
  }

  add(fd: number): void {
    const event = new DataView(new ArrayBuffer(eventSize));
    event.setUint32(0, readable, hostIsLittleEndian);
    event.setUint32(dataOffset, fd, hostIsLittleEndian);
    const bytes = new Uint8Array(event.buffer);
    mustCall('epoll_ctl', 'wait for a descriptor', [this.fd, operations.add, fd, bytes]);
  }

  remove(fd: number): void {
    systemCall('epoll_ctl', this.fd, operations.remove, fd, 0);
  }

  [Symbol.dispose](): void {
    this.#fd.close();
  }
}

/** Those who wait for something; each can be told that it can be read, or that it is closed (false). */
export type Waiters = Set<(ready: boolean) => void>;

/**
 * True once any of the descriptors can be read, false where the wait ended without. The descriptors may be closed
 * meanwhile, which by itself does not end the wait: who closes them tells `waiters`.
 */
export function waitReadable(
  fds: readonly number[],
  { signal, milliseconds }: WaitOptions,
  waiters: readonly Waiters[] = [],
): Promise<boolean> {
  if (signal?.aborted) return Promise.resolve(false);
  return new Promise((resolve) => {
    watcher ??= new Watcher();
    let timer: NodeJS.Timeout | undefined;
    const settle = (ready: boolean): void => {
      stop();
      clearTimeout(timer);
      signal?.removeEventListener('abort', giveUp);
      for (const each of waiters) each.delete(settle);
      resolve(ready);
    };
    const giveUp = (): void => settle(false);
    const stop = watcher.watch(fds, () => settle(true));
    signal?.addEventListener('abort', giveUp);
    for (const each of waiters) each.add(settle);
    if (milliseconds !== undefined) timer = setTimeout(giveUp, milliseconds);
  });
}

let watcher: Watcher | undefined;

/** The one thread's work. It lives as long as the process. */
class Watcher {
  readonly #epoll = new Epoll();
  /** Written to when the thread is to look up. */
  readonly #bell: FileDescriptor;
  readonly #events = new Uint8Array(new ArrayBuffer(eventsAtOnce * eventSize));
  /** By the number of the descriptor's duplicate. */
  readonly #watched = new Map<number, () => void>();
  #waiting = false;

  constructor() {
    this.#bell = new FileDescriptor(mustCall('eventfd2', 'make an event descriptor', [0, closeOnExec]), 'event');
    this.#epoll.add(this.#bell.number);
    // Node joins its threads when it ends: one that waits on would keep the process from ever ending.
    process.on('exit', () => this.#ring());
  }

  /** Calls `ready`, maybe more than once, until the watch is ended by the function that this gives. */
  watch(fds: readonly number[], ready: () => void): () => void {
    // Duplicates: the caller may close its own at any time, and several may wait for the same.
    const own = fds.map((fd) => duplicateDescriptor(fd, 'what is waited for'));
    const stop = (): void => {
      for (const fd of own) {
        if (fd.closed) continue;
        this.#watched.delete(fd.number);
        this.#epoll.remove(fd.number);
        fd.close();
      }
      if (this.#watched.size === 0 && this.#waiting) this.#ring();
    };
    try {
      for (const fd of own) {
        this.#epoll.add(fd.number);
        this.#watched.set(fd.number, ready);
      }
    } catch (error) {
      stop();
      throw error;
    }
    if (!this.#waiting) void this.#wait();
    return stop;
  }

  async #wait(): Promise<void> {
    const view = new DataView(this.#events.buffer);
    while (this.#watched.size > 0) {
      this.#waiting = true;
      const count = await epollWaitAsync(this.#epoll.fd, this.#events, eventsAtOnce);
      this.#waiting = false;
      for (let index = 0; index < count; index += 1) {
        const fd = view.getUint32(index * eventSize + dataOffset, hostIsLittleEndian);
        if (fd === this.#bell.number) systemCall('read', fd, new Uint8Array(8), 8);
        else this.#watched.get(fd)?.();
      }
    }
  }

  #ring(): void {
    const one = new Uint8Array(new BigUint64Array([1n]).buffer);
    systemCall('write', this.#bell.number, one, one.length);
  }
}
