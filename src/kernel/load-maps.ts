/** An object's maps in the kernel: given, found pinned, or made. */
import { UnsupportedFeatureError, XdpkitError } from '../errors/error.js';
import type { ObjectSpec } from '../object/spec.js';
import { fillArena } from './arena.js';
import { createDataMap, memoryOfGiven } from './data-map.js';
import { fillMapsOfMaps } from './fill-maps.js';
import { type GlobalMemory, type Globals, globalsOf } from './globals.js';
import type { Fallbacks } from './load-features.js';
import type { Made } from './made.js';
import type { BpfMap } from './map.js';
import type { CreateMapOptions } from './map-create.js';
import { withUsualSize } from './map-size.js';
import type { Migration } from './migrate-map.js';
import { createOrOpenMap, type PinOptions } from './pinned-maps.js';

export interface MapWishes {
  readonly create: CreateMapOptions;
  readonly pins: PinOptions;
  /** In the place of the object's own, by name. */
  readonly given: ReadonlyMap<string, BpfMap> | undefined;
  /** Contents of the maps of settings, by name. */
  readonly settings: ReadonlyMap<string, Uint8Array>;
}

export interface LoadedMaps {
  readonly maps: ReadonlyMap<string, BpfMap>;
  readonly globals: Globals;
  /** The descriptor of a map by its name. Errors: `UNSUPPORTED` for variables where the kernel has no maps for them. */
  fdOf(name: string): number;
  /** Carries over what pinned maps of another shape hold, and puts the new ones in their place: the last step. */
  migrate(): Migration[];
}

export function loadMaps(spec: ObjectSpec, wishes: MapWishes, fallbacks: Fallbacks, made: Made): LoadedMaps {
  const { create, pins, given, settings } = wishes;
  const maps = new Map<string, BpfMap>();
  const empty = new Set<string>();
  const memories = new Map<string, GlobalMemory>();
  const commits: (() => Migration | undefined)[] = [];
  for (const declared of spec.maps.map(withUsualSize)) {
    const { name, origin } = declared;
    // Nothing refers to it but its own programs, which are not among those that are loaded.
    if (origin === 'struct-ops') continue;
    const map = settings.has(name) ? { ...declared, initialValue: settings.get(name) } : declared;
    const stand = given?.get(name);
    if (stand !== undefined) {
      maps.set(name, stand);
      if (origin === 'data') memories.set(name, made.keep(memoryOfGiven(stand, map)));
    } else if (origin === 'data') {
      if (fallbacks.lacks('globalData')) continue;
      const data = createDataMap(map, spec.name, create, fallbacks);
      maps.set(name, made.keep(data.map));
      memories.set(name, made.keep(data.memory));
    } else {
      const found = createOrOpenMap(map, create, pins);
      maps.set(name, made.keep(found.map));
      if (found.before) made.keep(found.before);
      if (found.undo) made.pinned(found.undo);
      if (found.commit) commits.push(found.commit);
      if (!found.isNew) continue;
      empty.add(name);
      if (map.type === 'arena' && map.initialValue) made.keep(fillArena(found.map, map));
    }
  }
  fillMapsOfMaps(spec, empty, maps);
  return {
    maps,
    globals: globalsOf(spec.globals, spec.btf, spec.byteOrder, (map) => {
      const memory = memories.get(map);
      if (memory === undefined) throw new XdpkitError('MAP_NOT_FOUND', `${spec.name} has no data section ${map}`);
      return memory;
    }),
    fdOf: (name) => maps.get(name)?.fd ?? refuse(spec, name, fallbacks),
    migrate: () => commits.flatMap((commit) => commit() ?? []),
  };
}

function refuse(spec: ObjectSpec, name: string, { degraded }: Fallbacks): never {
  const missing = degraded.find((each) => each.name === 'globalData');
  if (missing === undefined) {
    throw new XdpkitError('MAP_NOT_FOUND', `${spec.name} refers to a map "${name}" that it lacks`);
  }
  throw new UnsupportedFeatureError('globalData', `${spec.name} uses variables of ${name}: ${missing.why}`);
}
