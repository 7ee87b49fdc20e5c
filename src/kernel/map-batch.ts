/** BPF_MAP_LOOKUP_BATCH, …_LOOKUP_AND_DELETE_BATCH, …_UPDATE_BATCH and …_DELETE_BATCH. Since Linux 5.6. */
import { errnos } from '../linux/syscall-error.js';
import { commands } from '../uapi/bpf.generated.js';
import { Attribute, bpf, bpfError } from './bpf.js';

export interface MapBatch {
  readonly count: number;
  readonly keys: Uint8Array;
  readonly values: Uint8Array;
}

interface BatchTarget {
  readonly name: string;
  /** Asked for at every call: the map may be closed between two batches. */
  readonly fd: number;
}

interface BatchLayout {
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
}

const unsupported: ReadonlySet<number> = new Set([errnos.EINVAL, errnos.EOPNOTSUPP, 524 /* ENOTSUPP */]);

/** Enough to make the call's cost vanish, small enough to stay in the processor's cache. */
const batchBytes = 256 * 1024;

export type BatchRead = 'map_lookup_batch' | 'map_lookup_and_delete_batch';

/** Yields every entry; returns false, before the first, when the kernel has no such batches for this map. */
export function* readBatches(
  target: BatchTarget,
  layout: BatchLayout,
  wanted?: number,
  command: BatchRead = 'map_lookup_batch',
): Generator<MapBatch, boolean> {
  const { keySize, valueSize, maxEntries } = layout;
  let capacity = Math.max(1, Math.min(maxEntries, wanted ?? Math.ceil(batchBytes / (keySize + valueSize))));
  // Hashes hand out the number of a bucket, all others a key.
  const position = new Uint8Array(new ArrayBuffer(Math.max(4, keySize)));
  let buffers = allocate(layout, capacity);
  let started = false;
  while (true) {
    // in_batch 0, out_batch 8, keys 16, values 24, count 32, map_fd 36, elem_flags 40, flags 48
    const attribute = new Attribute(56)
      .pointer(8, position)
      .pointer(16, buffers.keys)
      .pointer(24, buffers.values)
      .u32(32, capacity)
      .u32(36, target.fd);
    if (started) attribute.pointer(0, position);
    const result = bpf(commands[command], attribute);
    // Kernels before 2025 break off with EINTR, after the entries so far, where another entry goes away under the call.
    const brokenOff = -result === errnos.EINTR;
    if (result < 0 && -result !== errnos.ENOENT && !brokenOff) {
      if (-result === errnos.ENOSPC && capacity < maxEntries) {
        // One bucket of the hash holds more entries than fit.
        capacity = Math.min(maxEntries, capacity * 2);
        buffers = allocate(layout, capacity);
        continue;
      }
      if (!started && unsupported.has(-result)) return false;
      throw bpfError(`read a batch from map "${target.name}"`, -result);
    }
    const count = attribute.getU32(32);
    if (count > 0) {
      yield {
        count,
        keys: buffers.keys.subarray(0, count * keySize),
        values: buffers.values.subarray(0, count * valueSize),
      };
    }
    if (-result === errnos.ENOENT) return true;
    // Without an entry there is no new position either.
    started ||= !brokenOff || count > 0;
  }
}

function allocate(layout: BatchLayout, capacity: number): { keys: Uint8Array; values: Uint8Array } {
  return {
    keys: new Uint8Array(new ArrayBuffer(capacity * layout.keySize)),
    values: new Uint8Array(new ArrayBuffer(capacity * layout.valueSize)),
  };
}

/** 0, the errno, or that the kernel has no batches for this map (nothing was written then). */
export function updateBatch(
  target: BatchTarget,
  keys: Uint8Array,
  values: Uint8Array,
  count: number,
): number | 'unsupported' {
  if (count === 0) return 0;
  const attribute = new Attribute(56).pointer(16, keys).pointer(24, values).u32(32, count).u32(36, target.fd);
  const result = bpf(commands.map_update_batch, attribute);
  if (result >= 0) return 0;
  // Where some were written the kernel says how many; where it has no batches it leaves the number as it was.
  const written = attribute.getU32(32);
  return unsupported.has(-result) && (written === 0 || written === count) ? 'unsupported' : -result;
}

/** How many of the keys were there; undefined when the kernel has no batches for this map (nothing was deleted then). */
export function deleteBatch(target: BatchTarget, keySize: number, keys: Uint8Array, count: number): number | undefined {
  let deleted = 0;
  for (let at = 0; at < count; ) {
    const rest = keys.subarray(at * keySize);
    const attribute = new Attribute(56)
      .pointer(16, rest)
      .u32(32, count - at)
      .u32(36, target.fd);
    const result = bpf(commands.map_delete_batch, attribute);
    const done = attribute.getU32(32);
    if (at === 0 && unsupported.has(-result) && (done === 0 || done === count)) return undefined;
    if (result < 0 && -result !== errnos.ENOENT) throw bpfError(`delete from map "${target.name}"`, -result);
    deleted += done;
    // The kernel stops at a key that is not there: on behind it.
    at += done + 1;
  }
  return deleted;
}
