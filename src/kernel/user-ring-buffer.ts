/**
 * Ring buffers from user space to a BPF program, which takes records with `bpf_user_ringbuf_drain`. Since Linux 6.1.
 * Source: Linux `kernel/bpf/ringbuf.c`.
 */
import type { BtfValue, Codec } from '../btf/codec.js';
import { XdpkitError } from '../errors/error.js';
import { busyBit, discardBit, headerSize, lengthMask, type RingMap, RingMemory, recordSize } from './ring-memory.js';

/** Room in the ring that nobody else has. Its memory must not be touched once it was submitted or discarded. */
export interface Reservation {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Hands the record to the program. */
  submit(): void;
  /** Gives it up: the program skips it. */
  discard(): void;
}

/** Writes to a map of type `user_ringbuf`; it outlives `map`. A ring has one writer. Throws USAGE for other types. */
export class UserRingBuffer<Value = BtfValue> implements Disposable {
  readonly name: string;
  readonly codec: Codec<Value> | undefined;
  readonly #memory: RingMemory;

  constructor(map: RingMap, codec?: Codec<Value>) {
    this.name = map.name;
    this.codec = codec;
    this.#memory = new RingMemory(map, 'user_ringbuf', 'producer');
  }

  get fd(): number {
    return this.#memory.fd;
  }

  /** Bytes. */
  get size(): number {
    return this.#memory.size;
  }

  /** Bytes that the program has not taken yet, headers and padding included. */
  get pendingBytes(): number {
    return this.#memory.pendingBytes;
  }

  /**
   * Room for a record of `length` bytes, zeroed; undefined while the ring is too full. Records reach the program in the
   * order of their reservations, so one that is kept holds back all behind it. Throws VALUE_SHAPE for more than fits.
   */
  reserve(length: number): Reservation | undefined {
    const { words, view, producer, size } = this.#memory;
    const total = recordSize(length);
    if (!(length >= 0 && length <= lengthMask) || total > size) {
      const problem = `a record of ${length} bytes does not fit into ring buffer "${this.name}" of ${size}`;
      throw new XdpkitError('VALUE_SHAPE', problem);
    }
    const position = producer.read();
    if (this.pendingBytes + total > size) return undefined;
    const at = (position & (size - 1)) >>> 0;
    Atomics.store(words, at >>> 2, length | busyBit);
    Atomics.store(words, (at + 4) >>> 2, 0);
    producer.publish(position + total);
    const start = view.byteOffset + at + headerSize;
    const bytes = new Uint8Array(view.buffer, start, length).fill(0);
    let finished = false;
    const finish = (header: number): void => {
      void this.#memory.fd;
      if (finished) {
        throw new XdpkitError('USAGE', `a record of ring buffer "${this.name}" was submitted or discarded before`);
      }
      finished = true;
      Atomics.store(words, at >>> 2, header);
    };
    return {
      bytes,
      view: new DataView(view.buffer, start, length),
      submit: () => finish(length),
      discard: () => finish(length | discardBit),
    };
  }

  /** Writes a record; false while the ring is too full. Throws VALUE_SHAPE for a value that its type does not take. */
  write(value: Value): boolean {
    const encoded = this.#encode(value);
    const record = this.reserve(encoded.length);
    record?.bytes.set(encoded);
    record?.submit();
    return record !== undefined;
  }

  [Symbol.dispose](): void {
    this.#memory[Symbol.dispose]();
  }

  #encode(value: Value): Uint8Array {
    if (this.codec !== undefined) {
      const bytes = new Uint8Array(new ArrayBuffer(this.codec.size));
      this.codec.encode(new DataView(bytes.buffer), 0, value);
      return bytes;
    }
    if (value instanceof Uint8Array) return value;
    throw new XdpkitError('VALUE_SHAPE', `ring buffer "${this.name}" takes bytes, as no type of its records was named`);
  }
}
