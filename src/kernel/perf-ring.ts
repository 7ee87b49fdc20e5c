/** One CPU's buffer of perf events: a page that tells how far it was written and read, and the data behind it. */

import { pageSize } from '../linux/ffi.js';
import { FileDescriptor } from '../linux/file-descriptor.js';
import { MemoryMap } from '../linux/memory-map.js';
import { mustCall } from '../linux/syscalls.js';
import { Attribute } from './bpf.js';
import type { EventStatistics, RecordVisitor } from './event-reader.js';

const software = 1;
const bpfOutput = 10;
const rawSample = 1n << 10n;
const attributeSize = 112;
const closeOnExec = 8;
const enable = 0x2400;
/** In struct perf_event_mmap_page, in bytes. */
const [headOffset, tailOffset] = [1024, 1032];
/** struct perf_event_header: type u32, misc u16, size u16. A sample goes on with its length, a loss with id u64, lost u64. */
const recordType = { lost: 2, sample: 9 } as const;
const headerSize = 8;
const largestRecord = 65_536;

type Counts = { -readonly [Name in keyof EventStatistics]: EventStatistics[Name] };

export class PerfRing {
  readonly cpu: number;
  readonly #size: number;
  readonly #fd: FileDescriptor;
  readonly #memory: MemoryMap;
  readonly #head: BigInt64Array;
  readonly #tail: BigInt64Array;
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  /** Where a record that wraps is put together. */
  readonly #whole = new DataView(new ArrayBuffer(largestRecord));

  /** `size`: bytes of data, a power of 2 pages. Throws `SyscallError`. */
  constructor(cpu: number, size: number) {
    this.cpu = cpu;
    this.#size = size;
    const what = `the perf buffer of CPU ${cpu}`;
    // type 0, size 4, config 8, sample_period 16, sample_type 24, read_format 32, flags 40, wakeup_events 48
    const event = new Attribute(attributeSize)
      .u32(0, software)
      .u32(4, attributeSize)
      .u64(8, BigInt(bpfOutput))
      .u64(16, 1n)
      .u64(24, rawSample)
      .u32(48, 1);
    const registers = [event.bytes, -1, cpu, -1, closeOnExec];
    const detail = { capability: 'CAP_PERFMON' };
    this.#fd = new FileDescriptor(mustCall('perf_event_open', `open ${what}`, registers, detail), what);
    let memory: MemoryMap | undefined;
    try {
      const page = pageSize();
      memory = new MemoryMap(this.#fd.number, page + size, 'read-write', what);
      this.#memory = memory;
      const buffer = memory.bytes.buffer as ArrayBuffer;
      this.#head = new BigInt64Array(buffer, headOffset, 1);
      this.#tail = new BigInt64Array(buffer, tailOffset, 1);
      this.#view = new DataView(buffer, page, size);
      this.#bytes = new Uint8Array(buffer, page, size);
      mustCall('ioctl', `enable ${what}`, [this.#fd.number, enable, 0]);
    } catch (error) {
      memory?.[Symbol.dispose]();
      this.#fd.close();
      throw error;
    }
  }

  get fd(): number {
    return this.#fd.number;
  }

  get pendingBytes(): number {
    return Number(Atomics.load(this.#head, 0) - Atomics.load(this.#tail, 0));
  }

  /** Visits samples and adds up `counts`. Records that were visited are gone, even where the visitor throws. */
  drain(visit: RecordVisitor, limit: number, counts: Counts, isClosed: () => boolean): number {
    const head = Number(Atomics.load(this.#head, 0));
    const before = Number(Atomics.load(this.#tail, 0));
    let tail = before;
    let records = 0;
    try {
      while (tail < head && records < limit && !isClosed()) {
        let at = tail % this.#size;
        // Headers lie on 8 bytes and never wrap; what follows them may.
        const type = this.#view.getUint32(at, true);
        const size = this.#view.getUint16(at + 6, true);
        let view = this.#view;
        if (at + size > this.#size) {
          this.#assemble(at, size);
          view = this.#whole;
          at = 0;
        }
        tail += size;
        if (type === recordType.lost) {
          counts.lost += Number(view.getBigUint64(at + headerSize + 8, true));
        } else if (type === recordType.sample) {
          const length = view.getUint32(at + headerSize, true);
          records += 1;
          counts.records += 1;
          counts.bytes += length;
          visit(view, at + headerSize + 4, length, this.cpu);
        }
      }
    } finally {
      if (tail !== before) Atomics.store(this.#tail, 0, BigInt(tail));
    }
    return records;
  }

  #assemble(at: number, size: number): void {
    const whole = new Uint8Array(this.#whole.buffer);
    const first = this.#size - at;
    whole.set(this.#bytes.subarray(at));
    whole.set(this.#bytes.subarray(0, size - first), first);
  }

  [Symbol.dispose](): void {
    this.#memory[Symbol.dispose]();
    this.#fd.close();
  }
}
