/** A program that somebody else has put on a device goes on as a member of a chain, with the maps it has. */
import { XdpkitError } from '../errors/error.js';
import { type MapInfo, readMapInfo } from '../kernel/info.js';
import { openById } from '../kernel/iterate.js';
import { shapeDifferences } from '../kernel/map-create.js';
import { readTargetBtf } from '../kernel/target-btf.js';
import { loadAlone } from '../loader/load-alone.js';
import type { OpenedObject } from '../loader/open.js';
import { linkProgram, programNeedsTarget } from '../object/link.js';
import type { MapSpec, ObjectSpec, ProgramSpec } from '../object/spec.js';
import { type Attachment, describeAttachment } from '../xdp/attachment.js';
import { newMember, type WantedMember } from './member.js';

/**
 * The member that the program on a device is, given the object that it was loaded from. The kernel's tags tell whether it
 * is: hashes of the instructions. Errors: PROGRAM_NOT_FOUND where the object has no program of that name, USAGE where it
 * has another one, and those of `load`.
 */
export function adoptProgram(attachment: Attachment, object: OpenedObject): WantedMember {
  const { program } = attachment;
  const what = describeAttachment(attachment);
  if (program === undefined)
    throw new XdpkitError('NOT_PERMITTED', `${what} cannot be adopted: it may not be looked at`);
  const found = object.spec.programs.find(({ name }) => name === program.name || name.slice(0, 15) === program.name);
  if (found === undefined) {
    const names = object.spec.programs.map(({ name }) => name).join(', ');
    throw new XdpkitError('PROGRAM_NOT_FOUND', `${what} cannot be adopted: ${object.spec.name} has no such program`, {
      hint: names ? `It has ${names}. Name the object that it was loaded from.` : 'It has no programs at all.',
    });
  }
  const ids = mapsOf(object.spec, found, program.mapIds);
  using alone = loadAlone(object, { program: found.name, type: 'xdp' });
  const { tag } = alone.program.info();
  if (tag !== program.tag) {
    throw new XdpkitError(
      'USAGE',
      `${what} cannot be adopted: it is not what ${object.spec.name} holds under that name (its tag is ${program.tag}, the object's ${tag})`,
      {
        hint: 'Name the very object that it was loaded from; or put the new one in its place with `xdpkit replace`, and add to that.',
      },
    );
  }
  return { ...newMember(object, { program: found.name }), maps: Object.fromEntries(ids) };
}

/**
 * The kernel lists a program's maps in the order in which its code names them: of the same code, these are the same maps.
 * Where they do not fit, the code is not the same either, as its tag will tell.
 */
function mapsOf(spec: ObjectSpec, program: ProgramSpec, mapIds: readonly number[]): Map<string, number> {
  const target = programNeedsTarget(spec, program) ? readTargetBtf(undefined) : undefined;
  const { maps } = linkProgram(spec, program, { target });
  const names = [...new Set(maps.toSorted((left, right) => left.at - right.at).map(({ map }) => map))];
  const found = new Map<string, number>();
  for (const [index, name] of names.entries()) {
    const id = mapIds[index];
    const declared = spec.maps.find((map) => map.name === name);
    using fd = id === undefined ? undefined : openById('map', id);
    if (id === undefined || fd === undefined || declared === undefined) continue;
    if (canStandFor(declared, readMapInfo(fd.number), spec)) found.set(name, id);
  }
  return found;
}

/** Loaders ask for data sections with flags of their own. */
function canStandFor(declared: MapSpec, info: MapInfo, { btf }: ObjectSpec): boolean {
  const { flags } = declared.origin === 'data' ? info : declared;
  return shapeDifferences({ ...declared, flags }, info, btf).length === 0;
}
