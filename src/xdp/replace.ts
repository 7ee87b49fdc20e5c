import { XdpkitError } from '../errors/error.js';
import { openLinkById } from '../kernel/link.js';
import { openProgramById } from '../kernel/program.js';
import { setXdp } from '../linux/netlink/route/link.js';
import { isErrno } from '../linux/syscall-error.js';
import { attachXdp } from './attach.js';
import { explainAttachError } from './attach-error.js';
import { type Attachment, chooseAttachment, describeAttachment } from './attachment.js';
import { attachmentsToChange } from './attachments-to-change.js';
import { removeMembers, takeOff } from './detach.js';
import { type DeviceHandle, type DeviceReference, openDevice } from './device.js';
import type { XdpMode } from './mode.js';
import { type AttachableProgram, attachChanged, swapProgram } from './xdp-link.js';

export interface XdpReplaceOptions extends DeviceReference {
  /** The present mode unless given. A change of mode takes the old program off first: packets pass in between. */
  readonly mode?: XdpMode | undefined;
  /** The id of the program to be replaced, for those who have prepared for that one; whichever is there unless given. */
  readonly expected?: number | undefined;
}

export interface Replacement {
  readonly before: Attachment;
  readonly mode: XdpMode;
  /** False where the mode changed, so that some packets met no program. */
  readonly atomic: boolean;
  readonly heldBy: 'link' | 'netlink';
  /** Undefined where netlink holds the program, or a process holds the link. */
  readonly pinnedAt: string | undefined;
}

/**
 * Puts a program in the place of the one that a device has, whoever attached that; the way it is held stays. Errors:
 * `NOT_ATTACHED`, `ATTACH_CHANGED`, `DEVICE_GONE`, and those of `attachXdp` where the mode changes.
 */
export function replaceXdp(program: AttachableProgram, options: XdpReplaceOptions): Replacement {
  using device = openDevice(options);
  using held = attachmentsToChange(device);
  const before = chooseAttachment(device, held.attachments, options.mode);
  if (options.expected !== undefined && options.expected !== before.programId) {
    throw attachChanged(`replace program ${options.expected} of ${device.what} by "${program.name}"`);
  }
  if (options.mode !== undefined && options.mode !== before.mode) {
    return { before, mode: options.mode, atomic: false, ...changeMode(device, before, program, options) };
  }
  const { holder, mode } = before;
  using present = openProgramById(before.programId);
  using link = holder.by === 'link' ? openLinkById(holder.linkId) : undefined;
  try {
    swapProgram(device, { link, mode }, program, present);
  } catch (error) {
    throw isErrno(error, 'ERANGE') ? explainAttachError(device, mode, error) : error;
  }
  removeMembers(before);
  const heldBy = link ? 'link' : 'netlink';
  return { before, mode, atomic: true, heldBy, pinnedAt: holder.by === 'link' ? holder.pins[0] : undefined };
}

/** The kernel runs native and generic XDP on a device one at a time only. */
function changeMode(
  device: DeviceHandle,
  before: Attachment,
  program: AttachableProgram,
  options: XdpReplaceOptions,
): Held {
  using present = openProgramById(before.programId);
  takeOff(device, before);
  try {
    const held = attachAndLeave(options, program, options.mode ?? before.mode);
    removeMembers(before);
    return held;
  } catch (error) {
    if (present) putBack(device, options.netns, before, present, error);
    throw error;
  }
}

/** The device is left with the program that it had, held as it was: a link cannot be revived, but one like it made. */
function putBack(
  device: DeviceHandle,
  netns: DeviceReference['netns'],
  before: Attachment,
  program: AttachableProgram,
  reason: unknown,
): void {
  const { mode, holder } = before;
  const tried = `put ${describeAttachment(before)} back on ${device.what}`;
  try {
    if (holder.by === 'link') attachAndLeave({ device: device.name, netns }, program, mode);
    else setXdp(device.route, { ifindex: device.ifindex, programFd: program.fd, mode, onlyIfNone: true, tried });
  } catch (cause) {
    const why = reason instanceof Error ? reason.message : String(reason);
    throw new XdpkitError('FAILED', `${why}; and then it failed to ${tried}, which has no program now`, { cause });
  }
}

type Held = Pick<Replacement, 'heldBy' | 'pinnedAt'>;

function attachAndLeave(reference: DeviceReference, program: AttachableProgram, mode: XdpMode): Held {
  using link = attachXdp(program, { device: reference.device, netns: reference.netns, mode, pin: true });
  const { heldBy, pinnedAt } = link;
  return { heldBy, pinnedAt };
}
