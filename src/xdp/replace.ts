import { openLinkById } from '../kernel/link.js';
import { openProgramById } from '../kernel/program.js';
import { attachXdp } from './attach.js';
import { type Attachment, chooseAttachment, readAttachments } from './attachment.js';
import { takeOff } from './detach.js';
import { type DeviceHandle, type DeviceReference, openDevice } from './device.js';
import { removeDispatcherFolder } from './dispatcher.js';
import type { XdpMode } from './mode.js';
import { type AttachableProgram, swapProgram } from './xdp-link.js';

export interface XdpReplaceOptions extends DeviceReference {
  /** The present mode unless given. A change of mode takes the old program off first: packets pass in between. */
  readonly mode?: XdpMode | undefined;
}

export interface Replacement {
  readonly before: Attachment;
  readonly mode: XdpMode;
  /** False where the mode changed, so that some packets met no program. */
  readonly atomic: boolean;
}

/**
 * Puts a program in the place of the one that a device has, whoever attached that; the way it is held stays. Errors:
 * `NOT_ATTACHED`, `ATTACH_CHANGED`, `DEVICE_GONE`, and those of `attachXdp` where the mode changes.
 */
export function replaceXdp(program: AttachableProgram, options: XdpReplaceOptions): Replacement {
  using device = openDevice(options);
  const before = chooseAttachment(device, readAttachments(device), options.mode);
  if (options.mode !== undefined && options.mode !== before.mode) {
    changeMode(device, before, program, options);
    return { before, mode: options.mode, atomic: false };
  }
  const { holder, mode } = before;
  using present = openProgramById(before.programId);
  using link = holder.by === 'link' ? openLinkById(holder.linkId) : undefined;
  swapProgram(device, { link, mode }, program, present?.fd);
  if (holder.by === 'libxdp' && holder.folder) removeDispatcherFolder(holder.folder);
  return { before, mode, atomic: true };
}

/** The kernel runs native and generic XDP on a device one at a time only. */
function changeMode(
  device: DeviceHandle,
  before: Attachment,
  program: AttachableProgram,
  options: XdpReplaceOptions,
): void {
  using present = openProgramById(before.programId);
  takeOff(device, before);
  try {
    attachAndLeave(options, program, options.mode ?? before.mode);
  } catch (error) {
    // The device is left with the program that it had.
    if (present) attachAndLeave(options, present, before.mode);
    throw error;
  }
}

function attachAndLeave(reference: DeviceReference, program: AttachableProgram, mode: XdpMode): void {
  using _ = attachXdp(program, { device: reference.device, netns: reference.netns, mode, pin: true });
}
