/** Programs that somebody else has put on a device go on as members of a chain, with the maps they have. */
import { XdpkitError } from '../errors/error.js';
import { type ProgramInfo, readMapInfo } from '../kernel/info.js';
import { openById } from '../kernel/iterate.js';
import { withoutPins } from '../loader/load-alone.js';
import type { OpenedObject } from '../loader/open.js';
import type { ProgramSpec } from '../object/spec.js';
import { type Attachment, describeAttachment } from '../xdp/attachment.js';
import type { Dispatcher } from '../xdp/dispatcher.js';
import { newMember, type WantedMember } from './member.js';

/**
 * The member that the program on a device is, given the object that it was loaded from, perhaps among others. The
 * kernel's tags tell whether it is: hashes of the instructions. Errors: PROGRAM_NOT_FOUND where no object has a program of
 * that name, USAGE where it is another one, and those of `load`.
 */
export function adoptProgram(attachment: Attachment, objects: readonly OpenedObject[]): WantedMember {
  const { program } = attachment;
  const what = describeAttachment(attachment);
  if (program === undefined)
    throw new XdpkitError('NOT_PERMITTED', `${what} cannot be adopted: it may not be looked at`);
  return adoptFrom(objects, what, program);
}

/**
 * The members of libxdp's dispatcher, given their objects, with their order and verdicts. Errors: as `adoptProgram`, and
 * UNSUPPORTED where it is not known what the members are.
 */
export function adoptDispatcher(
  attachment: Attachment,
  { config, members }: Dispatcher,
  objects: readonly OpenedObject[],
): WantedMember[] {
  const what = describeAttachment(attachment);
  const names = new Set<string>();
  return members.map(({ slot, settings, program }) => {
    if (settings === undefined || program === undefined) {
      const why = settings
        ? `neither a pin nor a link leads to its member ${slot + 1}`
        : config
          ? `version ${config.version} of the protocol is not known here`
          : 'its map cannot be read';
      throw new XdpkitError('UNSUPPORTED', `the members of ${what} cannot be adopted: ${why}`);
    }
    const member = adoptFrom(objects, `member "${program.name}" of ${what}`, program);
    const { priority, next } = settings;
    // A chain tells its members by name, the dispatcher does not.
    let name = member.name;
    for (let count = 2; names.has(name); count++) name = `${member.name}-${count}`;
    names.add(name);
    return { ...member, name, priority, next };
  });
}

/** The objects that have such a program are tried in their order: the first error is told where none has this one. */
function adoptFrom(objects: readonly OpenedObject[], what: string, program: ProgramInfo): WantedMember {
  const isIt = ({ name }: ProgramSpec): boolean => name === program.name || name.slice(0, 15) === program.name;
  let refusal: unknown;
  for (const object of objects) {
    const found = object.spec.programs.find(isIt);
    if (found === undefined) continue;
    try {
      return adopt(what, program, object, found);
    } catch (error) {
      refusal ??= error;
    }
  }
  if (refusal !== undefined) throw refusal;
  const names = objects.flatMap(({ spec }) => spec.programs.map(({ name }) => name)).join(', ');
  const where = objects.map(({ spec }) => spec.name).join(', ');
  throw new XdpkitError('PROGRAM_NOT_FOUND', `${what} cannot be adopted: ${where} has no such program`, {
    hint: names ? `It has ${names}. Name the object that it was loaded from.` : 'It has no programs at all.',
  });
}

function adopt(what: string, program: ProgramInfo, object: OpenedObject, found: ProgramSpec): WantedMember {
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
