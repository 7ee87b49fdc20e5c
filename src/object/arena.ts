/**
 * Variables in an arena (`__arena`, section `.addr_space.1`): initial contents of the object's one map of that type.
 * Source: libbpf `src/libbpf.c` (`init_arena_map_data`), 1.7.
 */
import { mapTypes } from '../uapi/bpf.generated.js';
import type { DefinedMap } from './maps-btf.js';
import { type Source, sectionError } from './source.js';
import type { MapSpec, ObjectSpec } from './spec.js';

const arenaSection = '.addr_space.1';

/** The index of the section, and the arena as the object's variables fill it; undefined where they do not. */
export function readArenaData(
  source: Source,
  defined: ReadonlyMap<number, readonly DefinedMap[]>,
): { readonly section: number; readonly map: MapSpec } | undefined {
  const section = source.elf.sections.find(({ name, data }) => name === arenaSection && data.length > 0);
  if (section === undefined) return undefined;
  const arena = [...defined.values()].flat().find(({ map }) => map.typeNumber === mapTypes.arena);
  if (arena === undefined) {
    throw sectionError(source, section, 0, 'variables of an arena, and no map of the type arena to hold them');
  }
  return { section: section.index, map: { ...arena.map, initialValue: section.data.slice() } };
}

/** Bytes from the start of an arena to its variables: they fill its last pages, so that none has the address 0. */
export function arenaDataOffset({ maxEntries, initialValue }: MapSpec, pageSize: number): number {
  return (maxEntries - Math.ceil((initialValue?.length ?? 0) / pageSize)) * pageSize;
}

/** What refers to variables of an arena counts from the start of the arena then, whose pages have `pageSize` bytes. */
export function placeArenaData(spec: ObjectSpec, pageSize: number): ObjectSpec {
  const arena = spec.maps.find(({ typeNumber, initialValue }) => typeNumber === mapTypes.arena && initialValue);
  if (arena === undefined) return spec;
  const start = arenaDataOffset(arena, pageSize);
  const functions = spec.functions.map((found) => ({
    ...found,
    references: found.references.map((reference) =>
      reference.kind === 'map-value' && reference.map === arena.name
        ? { ...reference, offset: reference.offset + start }
        : reference,
    ),
  }));
  return { ...spec, functions };
}
