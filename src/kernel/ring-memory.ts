/**
 * The memory of a ring buffer, mapped: a page with the consumer's position, a page with the producer's, and the data twice
 * in a row, so that a record that wraps goes on behind the end. Source: Linux `kernel/bpf/ringbuf.c`.
 */
import { XdpkitError } from '../errors/error.js';
import { pageSize } from '../linux/ffi.js';
import { duplicateDescriptor, type FileDescriptor } from '../linux/file-descriptor.js';
import { MemoryMap } from '../linux/memory-map.js';
import type { BpfMap } from './map.js';

/** Before each record: its length and the bits in a u32, and a u32 that only the kernel reads. */
export const headerSize = 8;
/** Not submitted yet: the sign of the word. */
export const busyBit = 1 << 31;
export const discardBit = 1 << 30;
export const lengthMask = discardBit - 1;
const highWord = 2 ** 32;

/** What of a map a ring needs, whatever its keys and values are. */
export type RingMap = Pick<BpfMap<never, never>, 'definition' | 'name' | 'fd'>;

/** A 64-bit position that two sides share. It is kept as a number: no ring lives to see 2^53 bytes. */
export class Position {
  readonly #whole: BigInt64Array;
  /** The lower half comes first on all machines that xdpkit runs on. */
  readonly #halves: Int32Array;
  #high: number;

  constructor(buffer: ArrayBuffer) {
    this.#whole = new BigInt64Array(buffer, 0, 1);
    this.#halves = new Int32Array(buffer, 0, 2);
    this.#high = Math.floor(this.read() / highWord);
  }

  read(): number {
    return Number(Atomics.load(this.#whole, 0));
  }

  /** The lower 32 bits, signed: enough to tell a distance within a ring, and read without an allocation. */
  readLow(): number {
    return Atomics.load(this.#halves, 0);
  }

  publish(position: number): void {
    const high = Math.floor(position / highWord);
    if (high === this.#high) Atomics.store(this.#halves, 0, position | 0);
    else Atomics.store(this.#whole, 0, BigInt(position));
    this.#high = high;
  }
}

export class RingMemory {
  /** Bytes of data. */
  readonly size: number;
  readonly consumer: Position;
  readonly producer: Position;
  readonly words: Int32Array;
  readonly view: DataView;
  readonly #fd: FileDescriptor;
  readonly #maps: MemoryMap[] = [];

  /** `writes` is the side that this process is: the kernel lets it write there only. Throws USAGE for other types. */
  constructor(map: RingMap, type: 'ringbuf' | 'user_ringbuf', writes: 'consumer' | 'producer') {
    const { definition, name } = map;
    if (definition.type !== type) {
      throw new XdpkitError('USAGE', `map "${name}" is of type ${definition.type}, not ${type}`, {
        hint: hints[definition.type],
      });
    }
    this.size = definition.maxEntries;
    const what = `ring buffer "${name}"`;
    const page = pageSize();
    this.#fd = duplicateDescriptor(map.fd, what);
    try {
      const open = (side: typeof writes, length: number, offset: number): ArrayBuffer => {
        const memory = new MemoryMap(this.#fd.number, length, side === writes ? 'read-write' : 'read', what, offset);
        this.#maps.push(memory);
        return memory.bytes.buffer as ArrayBuffer;
      };
      this.consumer = new Position(open('consumer', page, 0));
      const rest = open('producer', page + 2 * this.size, page);
      this.producer = new Position(rest);
      this.words = new Int32Array(rest, page);
      this.view = new DataView(rest, page);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** Throws CLOSED once it is closed. */
  get fd(): number {
    return this.#fd.number;
  }

  get pendingBytes(): number {
    void this.fd;
    return this.producer.read() - this.consumer.read();
  }

  [Symbol.dispose](): void {
    for (const map of this.#maps) map[Symbol.dispose]();
    this.#fd.close();
  }
}

const hints: Readonly<Record<string, string>> = {
  ringbuf: 'A ringbuf is read: open it as a RingBuffer.',
  user_ringbuf: 'A user_ringbuf is written to: open it as a UserRingBuffer.',
  perf_event_array: 'A perf_event_array is read CPU by CPU: open it as a PerfBuffer.',
};

/** Bytes that a record takes, header and padding included. */
export function recordSize(length: number): number {
  return (length + headerSize + 7) & ~7;
}
