/** Maps of a running program that a new version of it can go on with. */
import { XdpkitError } from '../errors/error.js';
import type { MapSpec, ObjectSpec } from '../object/spec.js';
import { kernelName } from './bpf.js';
import { readMapInfo, readProgramInfo } from './info.js';
import { openById } from './iterate.js';
import type { BpfMap } from './map.js';
import { adoptMap, shapeDifferences } from './map-create.js';

export interface KeptMaps extends Disposable {
  /** By name in the object; for `LoadOptions.maps`. */
  readonly maps: ReadonlyMap<string, BpfMap>;
  /** Maps of the same name that could not be kept, and why. */
  readonly refused: readonly { readonly name: string; readonly reason: string }[];
}

/**
 * Finds, for the maps that an object declares, those of the same name and shape that a loaded program uses, so that
 * their contents outlive a swap. Data sections (`.data`, `.bss`, `.rodata`) belong to their own version and start anew.
 */
export function keepMaps(spec: ObjectSpec, programId: number): KeptMaps {
  const maps = new Map<string, BpfMap>();
  const refused: { name: string; reason: string }[] = [];
  const declared = spec.maps.filter((map) => map.origin !== 'data');
  try {
    const infos = mapIdsOf(programId).flatMap((id) => {
      using fd = openById('map', id);
      return fd === undefined ? [] : [readMapInfo(fd.number)];
    });
    for (const info of infos) {
      const candidates = declared.filter((map) => kernelName(map.name) === info.name);
      const [wanted, ...others] = candidates;
      if (wanted === undefined) continue;
      const differences = shapeDifferences(wanted, info, spec.btf);
      if (others.length > 0 || infos.some((other) => other !== info && other.name === info.name)) {
        refuse(
          candidates,
          `their names are the same in the kernel, which cuts them at 15 bytes: "${info.name}"`,
          refused,
        );
      } else if (wanted.contents.some((slot) => 'program' in slot)) {
        // Filled before the swap, it would have the program that still runs jump to new ones.
        refuse([wanted], 'it holds programs of the object itself', refused);
      } else if (differences.length > 0) refuse([wanted], differences.join('; '), refused);
      else {
        const fd = openById('map', info.id);
        if (fd) maps.set(wanted.name, adoptMap(fd, wanted, spec.btf));
      }
    }
  } catch (error) {
    for (const map of maps.values()) map[Symbol.dispose]();
    throw error;
  }
  return {
    maps,
    refused,
    [Symbol.dispose]() {
      for (const map of maps.values()) map[Symbol.dispose]();
    },
  };
}

function refuse(specs: readonly MapSpec[], reason: string, refused: { name: string; reason: string }[]): void {
  for (const { name } of specs) if (!refused.some((each) => each.name === name)) refused.push({ name, reason });
}

function mapIdsOf(programId: number): readonly number[] {
  using fd = openById('program', programId);
  if (fd === undefined) throw new XdpkitError('ATTACH_CHANGED', `program ${programId} is gone`);
  return readProgramInfo(fd.number).mapIds;
}
