/** Arenas: memory that programs and this process share at one address. Since Linux 6.9. */
import { XdpkitError } from '../errors/error.js';
import { pageSize } from '../linux/ffi.js';
import { MemoryMap } from '../linux/memory-map.js';
import { arenaDataOffset } from '../object/arena.js';
import type { MapSpec } from '../object/spec.js';
import type { BpfMap } from './map.js';

/** Maps an arena into memory, as the kernel wants before it loads programs that have variables there, and sets those. */
export function fillArena(map: BpfMap, spec: MapSpec): MemoryMap {
  const { initialValue = new Uint8Array(0), maxEntries, mapExtra } = spec;
  const start = arenaDataOffset(spec, pageSize());
  if (start < 0) {
    const words = `map "${spec.name}" has ${maxEntries} pages, and its variables take ${initialValue.length} bytes`;
    throw new XdpkitError('MAP_CREATE', words, { hint: 'Give the arena more pages (max_entries).' });
  }
  const memory = new MemoryMap(map.fd, maxEntries * pageSize(), 'read-write', `map "${spec.name}"`, 0, mapExtra);
  memory.bytes.set(initialValue, start);
  return memory;
}
