/**
 * The buffers of a perf event array (BPF_MAP_TYPE_PERF_EVENT_ARRAY), one for each CPU that is online, to which
 * `bpf_perf_event_output` writes. Since Linux 4.4. Source: Linux `tools/include/uapi/linux/perf_event.h`, `kernel/events`.
 */
import type { BtfValue, Codec } from '../btf/codec.js';
import { XdpkitError } from '../errors/error.js';
import { onlineCpus } from '../linux/cpu.js';
import { pageSize } from '../linux/ffi.js';
import { duplicateDescriptor, type FileDescriptor } from '../linux/file-descriptor.js';
import { Epoll } from '../linux/readiness.js';
import { commands } from '../uapi/bpf.generated.js';
import { Attribute, bpf, mustBpf } from './bpf.js';
import { EventReader, type RecordVisitor } from './event-reader.js';
import { PerfRing } from './perf-ring.js';
import type { RingMap } from './ring-memory.js';

export interface PerfBufferOptions {
  /** Pages of memory for each CPU, a power of 2: 64 unless given. */
  readonly pages?: number | undefined;
}

/**
 * Reads a map of type `perf_event_array`. Opening it takes the map's entries over, closing it empties them. Records are in
 * order for each CPU, and end with up to 7 bytes that the kernel adds. What found no room is counted as lost.
 * Needs CAP_PERFMON or CAP_SYS_ADMIN. Throws USAGE for maps of other types.
 */
export class PerfBuffer<Value = BtfValue> extends EventReader<Value> {
  readonly #map: FileDescriptor;
  readonly #epoll: Epoll;
  readonly #rings: PerfRing[] = [];
  /** Which CPU is read first: by turns, so that a busy one does not starve the others. */
  #first = 0;
  #draining = false;

  constructor(map: RingMap, codec?: Codec<Value>, { pages = 64 }: PerfBufferOptions = {}) {
    super(map.name, codec);
    const { type, maxEntries } = map.definition;
    if (type !== 'perf_event_array') {
      throw new XdpkitError('USAGE', `map "${map.name}" is of type ${type}, not perf_event_array`, {
        hint: type === 'ringbuf' ? 'A ringbuf is read: open it as a RingBuffer.' : undefined,
      });
    }
    if (!Number.isInteger(pages) || !Number.isInteger(Math.log2(pages))) {
      throw new XdpkitError('USAGE', `perf buffer "${map.name}": ${pages} pages are asked for, not a power of 2`);
    }
    this.#epoll = new Epoll();
    try {
      this.#map = duplicateDescriptor(map.fd, `map "${map.name}"`);
    } catch (error) {
      this.#epoll[Symbol.dispose]();
      throw error;
    }
    try {
      for (const cpu of onlineCpus()) {
        // Entries are CPUs by number; programs that write to one that the map lacks are told so.
        if (cpu >= maxEntries) continue;
        const ring = new PerfRing(cpu, pages * pageSize());
        this.#rings.push(ring);
        const { key, value } = { key: word(cpu), value: word(ring.fd) };
        const entry = new Attribute(32).u32(0, this.#map.number).pointer(8, key).pointer(16, value);
        mustBpf('map_update_elem', entry, `write the buffer of CPU ${cpu} to map "${map.name}"`);
        this.#epoll.add(ring.fd);
      }
    } catch (error) {
      this.close();
      throw error;
    }
  }

  get fd(): number {
    return this.#epoll.fd;
  }

  get pendingBytes(): number {
    void this.#map.number;
    return this.#rings.reduce((sum, { pendingBytes }) => sum + pendingBytes, 0);
  }

  drain(visit: RecordVisitor, limit = Number.POSITIVE_INFINITY): number {
    void this.#map.number;
    if (this.#draining) throw new XdpkitError('USAGE', `perf buffer "${this.name}" is drained from within a visit`);
    this.#draining = true;
    let records = 0;
    try {
      const count = this.#rings.length;
      for (let turn = 0; turn < count && records < limit && !this.closed; turn += 1) {
        const ring = this.#rings[(this.#first + turn) % count] as PerfRing;
        records += ring.drain(visit, limit - records, this.counts, () => this.closed);
      }
      this.#first = (this.#first + 1) % count;
    } finally {
      this.#draining = false;
      if (this.closed) this.close();
    }
    return records;
  }

  protected close(): void {
    // A visitor that closes the reader still has its record; the memory goes when the visit is over.
    if (this.#draining) return;
    for (const ring of this.#rings) {
      bpf(commands.map_delete_elem, new Attribute(16).u32(0, this.#map.number).pointer(8, word(ring.cpu)));
      ring[Symbol.dispose]();
    }
    this.#epoll[Symbol.dispose]();
    this.#map.close();
  }
}

function word(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}
