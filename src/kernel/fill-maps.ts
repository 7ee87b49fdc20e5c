/** Filling maps with what their definitions say they hold. Source: libbpf `src/libbpf.c` (`init_…_slots`). */
import { XdpkitError } from '../errors/error.js';
import type { MapSpec, ObjectSpec } from '../object/spec.js';
import type { BpfMap } from './map.js';

interface Held {
  readonly fd: number;
}

/** The programs that an object's own definitions put into program arrays: they are loaded with any other. */
export function programsOfContents(maps: readonly MapSpec[]): string[] {
  return maps.flatMap(({ contents }) => contents.flatMap((slot) => ('program' in slot ? [slot.program] : [])));
}

/** Of maps that were made just now; one that was pinned before holds what it holds. */
export function fillMapsOfMaps(spec: ObjectSpec, made: ReadonlySet<string>, maps: ReadonlyMap<string, BpfMap>): void {
  for (const { name, contents } of spec.maps) {
    if (!made.has(name)) continue;
    for (const slot of contents) if ('map' in slot) fill(spec, maps, name, slot.index, slot.map, maps.get(slot.map));
  }
}

/** Of all program arrays, also of those that were pinned before: their programs are this object's. */
export function fillProgramArrays(
  spec: ObjectSpec,
  programs: ReadonlyMap<string, Held>,
  maps: ReadonlyMap<string, BpfMap>,
): void {
  for (const { name, contents } of spec.maps) {
    for (const slot of contents) {
      if ('program' in slot) fill(spec, maps, name, slot.index, slot.program, programs.get(slot.program));
    }
  }
}

function fill(
  spec: ObjectSpec,
  maps: ReadonlyMap<string, BpfMap>,
  name: string,
  index: number,
  held: string,
  target: Held | undefined,
): void {
  const map = maps.get(name);
  if (map === undefined || target === undefined) {
    throw new XdpkitError('MALFORMED', `map "${name}" of ${spec.name} is filled with ${held}, which is not there`);
  }
  try {
    map.set(index, target.fd);
  } catch (cause) {
    if (!(cause instanceof XdpkitError)) throw cause;
    throw new XdpkitError(cause.code, `fill map "${name}" of ${spec.name} with ${held} at ${index}: ${cause.message}`, {
      cause,
      hint: cause.hint,
    });
  }
}
