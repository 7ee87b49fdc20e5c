import { possibleCpus } from '../linux/cpu.js';
import { pageSize } from '../linux/ffi.js';
import type { MapSpec } from '../object/spec.js';

/**
 * The size that a map is created with, where its definition says nothing or it depends on the machine; as in libbpf.
 * Buffers of perf events have an entry for each CPU, with keys and values of 4 bytes, as have the values of maps of maps;
 * ring buffers are a power of two of whole pages, rounded up.
 */
export function withUsualSize(map: MapSpec): MapSpec {
  if (map.type === 'perf_event_array') {
    const { keySize, valueSize, maxEntries } = map;
    return { ...map, keySize: keySize || 4, valueSize: valueSize || 4, maxEntries: maxEntries || possibleCpus() };
  }
  if (map.type === 'ringbuf' || map.type === 'user_ringbuf') return { ...map, maxEntries: ringSize(map.maxEntries) };
  if (map.type.endsWith('_of_maps')) return { ...map, valueSize: map.valueSize || 4 };
  return map;
}

/** 0, and what 32 bits cannot hold when rounded up, is left for the kernel to refuse. */
function ringSize(bytes: number): number {
  if (bytes === 0) return bytes;
  let size = pageSize();
  while (size < bytes) size *= 2;
  return size < 2 ** 32 ? size : bytes;
}
