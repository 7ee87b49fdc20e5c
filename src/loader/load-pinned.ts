/** From an object file to a program that is pinned and attached to nothing yet: what `prog load` does. */
import { XdpkitError } from '../errors/error.js';
import type { Degradation } from '../kernel/degradation.js';
import { findMap } from '../kernel/find-map.js';
import { readMapInfo } from '../kernel/info.js';
import type { KernelLinkOptions } from '../kernel/link-for-kernel.js';
import type { BpfMap } from '../kernel/map.js';
import { shapeDifferences } from '../kernel/map-create.js';
import type { Migration } from '../kernel/migrate-map.js';
import type { PinMismatch } from '../kernel/pinned-maps.js';
import type { ObjectSpec } from '../object/spec.js';
import { chooseProgram } from './choose-program.js';
import type { OpenedObject } from './open.js';

export interface LoadPinnedOptions extends KernelLinkOptions {
  /** The C function's name; may be left out for an object with one program. */
  readonly program?: string | undefined;
  /** Kernel name, `xdp`, where the section does not tell the type, or is to be overruled. */
  readonly type?: string | undefined;
  /** A path on a BPF file system. */
  readonly pin: string;
  /** Maps to go on with, by their names in the object: an id, the path of a pin, or a name. */
  readonly maps?: ReadonlyMap<string, string> | undefined;
  /** Where a pinned map has another shape than the object asks for: `fail` unless given. */
  readonly pinMismatch?: PinMismatch | undefined;
}

export interface PinnedProgram {
  readonly program: { readonly id: number; readonly name: string; readonly type: string };
  readonly pin: string;
  /** Of the object; `kept`: it was there before. */
  readonly maps: readonly { readonly name: string; readonly id: number; readonly kept: boolean }[];
  /** Program arrays that the object fills and does not pin: the kernel empties them when this process ends. */
  readonly unheldArrays: readonly string[];
  /** What was carried over from pinned maps of another shape. */
  readonly migrations: readonly Migration[];
  /** What was done without, as the kernel does not know it. */
  readonly degraded: readonly Degradation[];
}

/**
 * Loads one program and pins it. Where a step fails nothing stays. Errors: those of `load`, `PROGRAM_AMBIGUOUS`,
 * `MAP_NOT_FOUND`, `PIN_MISMATCH` for a map of another shape than the object asks for, `PIN_EXISTS`.
 */
export function loadPinned(object: OpenedObject, options: LoadPinnedOptions): PinnedProgram {
  const { pin, maps: wanted = new Map(), pinMismatch, kernelBtf, kernelConfig } = options;
  const choice = chooseProgram(object.spec, options);
  using kept = openMaps(object.spec, wanted);
  using loaded = object.load({ programs: [choice], maps: kept.maps, pinMismatch, kernelBtf, kernelConfig });
  try {
    const program = loaded.program(typeof choice === 'string' ? choice : choice.name);
    program.pin(pin);
    const { id, name, type } = program;
    const maps = [...loaded.maps].map(([map, { fd }]) => ({
      name: map,
      id: readMapInfo(fd).id,
      kept: kept.maps.has(map),
    }));
    const { degraded, migrations } = loaded;
    const unheldArrays = object.spec.maps.flatMap(({ name: map, contents, pinning }) =>
      pinning === 'none' && !kept.maps.has(map) && contents.some((slot) => 'program' in slot) ? [map] : [],
    );
    return { program: { id, name, type }, pin, maps, degraded, migrations, unheldArrays };
  } catch (error) {
    loaded.removeNewPins();
    throw error;
  }
}

function openMaps(
  spec: ObjectSpec,
  wanted: ReadonlyMap<string, string>,
): Disposable & { readonly maps: ReadonlyMap<string, BpfMap> } {
  const maps = new Map<string, BpfMap>();
  const close = (): void => {
    for (const map of maps.values()) map[Symbol.dispose]();
  };
  try {
    for (const [name, reference] of wanted) {
      const declared = spec.maps.find((map) => map.name === name);
      if (declared === undefined) {
        const names = spec.maps.map((map) => map.name).join(', ');
        throw new XdpkitError('MAP_NOT_FOUND', `${spec.name} has no map "${name}" that another could stand for`, {
          hint: names ? `It has ${names}.` : 'It has no maps.',
        });
      }
      const map = findMap(reference);
      maps.set(name, map);
      const differences = shapeDifferences(declared, readMapInfo(map.fd), spec.btf);
      if (differences.length === 0) continue;
      throw new XdpkitError('PIN_MISMATCH', `map ${reference} cannot stand for "${name}": ${differences.join('; ')}`);
    }
  } catch (error) {
    close();
    throw error;
  }
  return { maps, [Symbol.dispose]: close };
}
