/** Maps that hold programs and maps: in their entries, or as what their sockets' data meets. */
import type { MapInfo } from '../kernel/info.js';
import { openMapById } from '../kernel/map-create.js';
import { wordAt } from '../kernel/maps/raw-values.js';
import type { PinKind } from '../kernel/pin.js';
import { queryPrograms } from '../kernel/query-programs.js';
import type { Hold } from './reference.js';

interface Holding {
  readonly kind: PinKind;
  readonly id: number;
  readonly hold: Hold;
}

/** Where in the value the id stands. */
const places: Readonly<Record<string, { readonly kind: PinKind; readonly offset: number }>> = {
  prog_array: { kind: 'program', offset: 0 },
  array_of_maps: { kind: 'map', offset: 0 },
  hash_of_maps: { kind: 'map', offset: 0 },
  devmap: { kind: 'program', offset: 4 },
  devmap_hash: { kind: 'program', offset: 4 },
  cpumap: { kind: 'program', offset: 4 },
};

const ofSockets = ['sk_msg_verdict', 'sk_skb_stream_parser', 'sk_skb_stream_verdict', 'sk_skb_verdict'] as const;

/** What a map holds; nothing for one that has gone. */
export function heldByMap({ id, type, valueSize }: Pick<MapInfo, 'id' | 'type' | 'valueSize'>): Holding[] {
  if (type === 'sockmap' || type === 'sockhash') return heldBySockets(id);
  const place = places[type];
  // Maps of devices and CPUs may have values without a program.
  if (place === undefined || valueSize < place.offset + 4) return [];
  using map = openMapById(id);
  if (map === undefined) return [];
  const { keyCodec, valueCodec } = map;
  const keysOf = new Map<number, string[]>();
  for (const { count, keys, values } of map.batches()) {
    for (let index = 0; index < count; index += 1) {
      const value = values.subarray(index * valueCodec.size, (index + 1) * valueCodec.size);
      const held = wordAt(new DataView(value.buffer, value.byteOffset, value.byteLength), place.offset);
      if (held === 0) continue;
      const key = keys.subarray(index * keyCodec.size, (index + 1) * keyCodec.size);
      const decoded = keyCodec.decode(new DataView(key.buffer, key.byteOffset, key.byteLength), 0);
      const text = typeof decoded === 'object' ? `0x${Buffer.from(key).toString('hex')}` : String(decoded);
      const known = keysOf.get(held);
      if (known === undefined) keysOf.set(held, [text]);
      else known.push(text);
    }
  }
  return [...keysOf].map(([held, keys]) => ({ kind: place.kind, id: held, hold: { how: 'entry', keys } }));
}

function heldBySockets(id: number): Holding[] {
  using map = openMapById(id);
  if (map === undefined) return [];
  return ofSockets.flatMap((attachType) =>
    queryPrograms(map.fd, attachType).map(
      ({ programId }): Holding => ({ kind: 'program', id: programId, hold: { how: 'attached', attachType } }),
    ),
  );
}

/**
 * What such a map holds, it lets go of when its last pin and descriptor are gone, although programs still use it
 * (`map_release_uref` of `kernel/bpf/arraymap.c` and `net/core/sock_map.c`).
 */
export function isEmptiedWithoutUsers(type: string): boolean {
  return type === 'prog_array' || type === 'sockmap' || type === 'sockhash';
}
