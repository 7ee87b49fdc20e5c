/** Several XDP programs on one device: who is there, who joins, who leaves, who comes first. */
import { XdpkitError } from '../errors/error.js';
import { kernelFeatures } from '../kernel/features.js';
import { OpenedObject } from '../loader/open.js';
import type { MemberState } from '../object/chain/state.js';
import { attachmentError, describeAttachment, readAttachments } from '../xdp/attachment.js';
import { takeOff } from '../xdp/detach.js';
import { type DeviceHandle, type DeviceReference, openDevice } from '../xdp/device.js';
import { dispatcherMemberNames } from '../xdp/dispatcher.js';
import { type Occupant, readOccupant } from '../xdp/occupant.js';
import { attachChanged } from '../xdp/xdp-link.js';
import { adoptDispatcher, adoptProgram } from './adopt.js';
import { type MemberWish, newMember, presentMember, type RunWish, succeed, type WantedMember } from './member.js';
import { type ChangedChain, type PutOnOptions, putOn } from './put-on.js';

export interface AddToChainOptions extends DeviceReference, MemberWish, PutOnOptions {
  /**
   * The object of a program that is on the device, and is to be a member, or the objects of the members of libxdp's
   * dispatcher. Where a process holds it by a link, the link is pinned, so that the chain stays when the process ends.
   */
  readonly adopt?: OpenedObject | readonly OpenedObject[] | undefined;
  /** Take the place of the member of that name, with its order, counters and those of its maps that fit. */
  readonly replace?: boolean | undefined;
}

/**
 * Adds a program of an object to the chain of a device; on an empty device it begins one. Staying members keep their maps,
 * variables and counters. One atomic swap: each packet meets the chain before or the chain after. Linux 4.16.
 *
 * Errors: ATTACH_EXISTS for a program that is no chain and is not adopted, ATTACH_CHANGED where another process changed
 * the device at the same time, CHAIN_LIMIT, USAGE for a name that is taken, UNSUPPORTED for libxdp's dispatcher whose
 * members are not adopted.
 */
export function addToChain(object: OpenedObject, options: AddToChainOptions): ChangedChain {
  using device = openDevice(options);
  const occupant = readOccupant(device);
  const adopt = options.adopt instanceof OpenedObject ? [options.adopt] : options.adopt;
  const present = membersToJoin(device, occupant, adopt);
  const member = newMember(object, options);
  const before = present.find(({ name }) => name === member.name);
  const plan = { ...options, takesOver: options.adopt !== undefined };
  if (before === undefined) return putOn(device, options, occupant, [...present, member], plan);
  if (options.replace) {
    const next = succeed(before, member, options);
    return putOn(device, options, occupant, present.with(present.indexOf(before), next), options);
  }
  throw new XdpkitError('USAGE', `the chain of ${device.what} has a member "${member.name}" already`, {
    hint: 'Put the new one in its place with --replace, or give it another name with --name.',
  });
}

function membersToJoin(
  device: DeviceHandle,
  occupant: Occupant,
  adopt: readonly OpenedObject[] | undefined,
): WantedMember[] {
  switch (occupant.kind) {
    case 'none':
      if (adopt === undefined) return [];
      throw new XdpkitError('NOT_ATTACHED', `${device.what} has no program that could be adopted`);
    case 'chain':
      if (adopt === undefined) return occupant.state.members.map(presentMember);
      throw new XdpkitError('USAGE', `${device.what} has a chain of xdpkit, whose members need not be adopted`);
    case 'dispatcher':
      if (adopt !== undefined) return adoptDispatcher(occupant.attachment, occupant.dispatcher, adopt);
      throw dispatcherError(device, occupant);
    case 'program': {
      if (adopt !== undefined) return [adoptProgram(occupant.attachment, adopt)];
      const { message } = attachmentError('ATTACH_EXISTS', device, [occupant.attachment]);
      throw new XdpkitError('ATTACH_EXISTS', `${message}, which is no chain`, {
        hint: 'Name the object it was loaded from (--adopt OBJECT) to go on with it as a member, or take it off with `xdpkit detach`.',
      });
    }
  }
}

/**
 * Takes a member out; with the last one the device has no program any more, which `undefined` tells. Errors:
 * NOT_ATTACHED, PROGRAM_NOT_FOUND with the members there are, ATTACH_CHANGED.
 */
export function removeFromChain(
  member: string,
  options: DeviceReference & Pick<PutOnOptions, 'dryRun'>,
): ChangedChain | undefined {
  using device = openDevice(options);
  const { occupant, members } = requireChain(device);
  requireMember(device, members, member);
  const staying = members.filter(({ name }) => name !== member);
  if (staying.length > 0) return putOn(device, options, occupant, staying.map(presentMember), options);
  if (options.dryRun) return undefined;
  // A link can be taken off by anybody at any time: only what is still there as it was read is.
  if (!readAttachments(device).some(({ programId }) => programId === occupant.attachment.programId)) {
    throw attachChanged(`take "${member}" off ${device.what}`);
  }
  takeOff(device, occupant.attachment);
  return undefined;
}

/** What is to change about a member. */
export interface MemberChange extends RunWish {
  readonly name: string;
}

/** Changes priorities and sets of verdicts of members. Errors: as `removeFromChain`. */
export function changeMembers(
  changes: readonly MemberChange[],
  options: DeviceReference & Pick<PutOnOptions, 'dryRun'>,
): ChangedChain {
  using device = openDevice(options);
  const { occupant, members } = requireChain(device);
  for (const { name } of changes) requireMember(device, members, name);
  const changed = members.map((member) => {
    const { priority = member.priority, next = member.next } = changes.find(({ name }) => name === member.name) ?? {};
    return presentMember({ ...member, priority, next });
  });
  return putOn(device, options, occupant, changed, options);
}

/** Between the priorities of members that are put in order, for others to come in. */
const step = 10;

/**
 * Lets the members run in the order of `names`, which names each of them once; their priorities become 10, 20, 30, ….
 * Errors: as `removeFromChain`, USAGE for members that are left out.
 */
export function reorderChain(
  names: readonly string[],
  options: DeviceReference & Pick<PutOnOptions, 'dryRun'>,
): ChangedChain {
  using device = openDevice(options);
  const { occupant, members } = requireChain(device);
  for (const name of names) requireMember(device, members, name);
  const missing = members.filter(({ name }) => !names.includes(name)).map(({ name }) => name);
  if (missing.length > 0 || new Set(names).size !== names.length) {
    const problem = missing.length > 0 ? `${missing.join(', ')} would have no place` : 'a member stands twice';
    throw new XdpkitError('USAGE', `the chain of ${device.what} cannot be put in that order: ${problem}`, {
      hint: `Name each of its members once: ${members.map(({ name }) => name).join(', ')}.`,
    });
  }
  const ordered = members.map((member) =>
    presentMember({ ...member, priority: (names.indexOf(member.name) + 1) * step }),
  );
  return putOn(device, options, occupant, ordered, options);
}

interface PresentChain {
  readonly occupant: Extract<Occupant, { readonly kind: 'chain' }>;
  readonly members: readonly MemberState[];
}

function requireChain(device: DeviceHandle): PresentChain {
  const occupant = readOccupant(device);
  switch (occupant.kind) {
    case 'chain':
      return { occupant, members: occupant.state.members };
    case 'none':
      throw new XdpkitError('NOT_ATTACHED', `${device.what} has no XDP program, and so no chain`, {
        hint: 'Begin one with `xdpkit chain add`.',
      });
    case 'dispatcher':
      throw dispatcherError(device, occupant);
    case 'program':
      throw new XdpkitError(
        'NOT_ATTACHED',
        `${device.what} has no chain, but ${describeAttachment(occupant.attachment)}`,
        { hint: 'Begin one with `xdpkit chain add`, which takes it along as a member with --adopt.' },
      );
  }
}

function requireMember(device: DeviceHandle, members: readonly MemberState[], name: string): void {
  if (members.some((one) => one.name === name)) return;
  throw new XdpkitError('PROGRAM_NOT_FOUND', `the chain of ${device.what} has no member "${name}"`, {
    hint: `It has ${members.map((one) => one.name).join(', ')}.`,
  });
}

/** Where trampolines are to be had, members are added in libxdp's own way: that is still to come. */
function dispatcherError(
  device: DeviceHandle,
  { attachment, dispatcher }: Extract<Occupant, { readonly kind: 'dispatcher' }>,
): XdpkitError {
  const { available } = kernelFeatures.trampolines.probe();
  const why = available
    ? 'whose members xdpkit does not change yet'
    : 'which nobody can change here: its members replace functions by BPF trampolines, which this kernel does not allow';
  const names = dispatcherMemberNames(dispatcher).join(', ');
  const loader = available ? 'Change it with `xdp-loader`; or take' : 'Take';
  return new XdpkitError('UNSUPPORTED', `${device.what} has ${describeAttachment(attachment)}, ${why}`, {
    hint: names
      ? `${loader} its members into a chain, which needs none: \`xdpkit chain add\` with --adopt OBJECT for the objects of ${names}.`
      : `${loader} it off with \`xdpkit detach\`, and begin a chain anew.`,
  });
}
