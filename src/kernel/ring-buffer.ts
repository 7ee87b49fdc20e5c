/**
 * Ring buffers (BPF_MAP_TYPE_RINGBUF), read where they lie. Since Linux 5.8. Source: Linux
 * `Documentation/bpf/ringbuf.rst`, `kernel/bpf/ringbuf.c`.
 */
import type { BtfValue, Codec } from '../btf/codec.js';
import { XdpkitError } from '../errors/error.js';
import { EventReader, type RecordVisitor } from './event-reader.js';
import { discardBit, headerSize, lengthMask, type RingMap, RingMemory, recordSize } from './ring-memory.js';

/** The kernel learns so often in a round of the ring what was read: room is free early enough, and stores are few. */
const publicationsPerRound = 8;

/**
 * Reads a map of type `ringbuf`, which is mapped into memory; it outlives `map`. A ring has one reader at a time: each
 * goes on where the one before has stopped. Throws USAGE for maps of other types.
 */
export class RingBuffer<Value = BtfValue> extends EventReader<Value> {
  readonly #memory: RingMemory;
  #draining = false;

  constructor(map: RingMap, codec?: Codec<Value>) {
    super(map.name, codec);
    this.#memory = new RingMemory(map, 'ringbuf', 'consumer');
  }

  get fd(): number {
    return this.#memory.fd;
  }

  /** Bytes. */
  get size(): number {
    return this.#memory.size;
  }

  get pendingBytes(): number {
    return this.#memory.pendingBytes;
  }

  drain(visit: RecordVisitor, limit = Number.POSITIVE_INFINITY): number {
    const { words, view, consumer, producer, size } = this.#memory;
    void this.#memory.fd;
    if (this.#draining) throw new XdpkitError('USAGE', `ring buffer "${this.name}" is drained from within a visit`);
    this.#draining = true;
    const mask = size - 1;
    const step = size / publicationsPerRound;
    let position = consumer.read();
    let published = position;
    let [records, bytes, discarded] = [0, 0, 0];
    try {
      while (records < limit) {
        // Positions differ by less than a ring: their lower halves tell how much. Nothing beyond it has been written.
        const end = position + ((producer.readLow() - position) >>> 0);
        if (end === position) {
          // What comes from here on wakes those who wait: the kernel sees that all was read.
          if (published === position) break;
          consumer.publish(position);
          published = position;
          continue;
        }
        if (end - position > size) throw this.#broken(position);
        while (position < end && records < limit && !this.closed) {
          const at = (position & mask) >>> 0;
          const header = Atomics.load(words, at >>> 2);
          if (header < 0) break;
          const length = header & lengthMask;
          const next = position + recordSize(length);
          if (next > end) throw this.#broken(position);
          position = next;
          if ((header & discardBit) !== 0) {
            discarded += 1;
          } else {
            records += 1;
            bytes += length;
            visit(view, at + headerSize, length);
          }
          if (position - published >= step) {
            consumer.publish(position);
            published = position;
          }
        }
        if (position < end) break;
      }
    } finally {
      this.#draining = false;
      this.counts.records += records;
      this.counts.bytes += bytes;
      this.counts.discarded += discarded;
      if (position !== published) consumer.publish(position);
      if (this.closed) this.#memory[Symbol.dispose]();
    }
    return records;
  }

  protected close(): void {
    // A visitor that closes the reader still has its record; the memory goes when the visit is over.
    if (!this.#draining) this.#memory[Symbol.dispose]();
  }

  #broken(position: number): XdpkitError {
    return new XdpkitError('MALFORMED', `ring buffer "${this.name}" holds no record at position ${position}`, {
      hint: 'Another process reads the same ring, or it overwrites what was not read: a ring has one reader at a time.',
    });
  }
}
