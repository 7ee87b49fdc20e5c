/** A program that somebody else has put on a device goes on as a member of a chain, with the maps it has. */
import { XdpkitError } from '../errors/error.js';
import { readMapInfo } from '../kernel/info.js';
import { openById } from '../kernel/iterate.js';
import { withoutPins } from '../loader/load-alone.js';
import type { OpenedObject } from '../loader/open.js';
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
  using alone = withoutPins(object).load({ programs: [{ name: found.name, type: 'xdp', attachType: 'xdp' }] });
  const { tag, mapIds } = alone.program(found.name).info();
  if (tag !== program.tag) {
    throw new XdpkitError(
      'USAGE',
      `${what} cannot be adopted: it is not what ${object.spec.name} holds under that name (its tag is ${program.tag}, the object's ${tag})`,
      {
        hint: 'Name the very object that it was loaded from; or put the new one in its place with `xdpkit replace`, and add to that.',
      },
    );
  }
  const names = new Map([...alone.maps].map(([name, map]) => [map.info().id, name]));
  const maps = mapIds.flatMap((own, index) => {
    const name = names.get(own);
    const id = program.mapIds[index];
    return name !== undefined && id !== undefined && canStandFor(own, id) ? [[name, id] as const] : [];
  });
  return { ...newMember(object, { program: found.name }), maps: Object.fromEntries(maps) };
}

/**
 * The kernel lists a program's maps in the order in which its code names them: of the same code, these are the same maps.
 * What they are for is the same then; how large they were made need not be.
 */
function canStandFor(own: number, present: number): boolean {
  using ownFd = openById('map', own);
  using presentFd = openById('map', present);
  if (ownFd === undefined || presentFd === undefined) return false;
  const [wanted, found] = [readMapInfo(ownFd.number), readMapInfo(presentFd.number)];
  return (['type', 'keySize', 'valueSize'] as const).every((field) => wanted[field] === found[field]);
}
