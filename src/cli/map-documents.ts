/** What maps look like in `--json`. Fields are only ever added. */
import type { ListedMap } from '../kernel/list-maps.js';
import type { BpfMap } from '../kernel/map.js';

export function mapDocument(map: ListedMap, pins: readonly string[]) {
  const { id, type, fullName, name, keySize, valueSize, maxEntries, flags, mapExtra, memoryBytes, frozen, btfId } = map;
  return {
    id,
    type,
    name: fullName,
    kernelName: name,
    keySize,
    valueSize,
    maxEntries,
    flags,
    mapExtra,
    memoryBytes: memoryBytes ?? null,
    frozen: frozen ?? null,
    btfId,
    pins,
  };
}

/** Which map something was done to. */
export function mapReference(map: BpfMap): { id: number; name: string } {
  return { id: map.info().id, name: map.name };
}
