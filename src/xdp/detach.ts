import { XdpkitError } from '../errors/error.js';
import { openLinkById } from '../kernel/link.js';
import { openProgramById } from '../kernel/program.js';
import { setXdp } from '../linux/netlink/route/link.js';
import { isErrno } from '../linux/syscall-error.js';
import { type Attachment, chooseAttachment, describeAttachment } from './attachment.js';
import { attachmentsToChange } from './attachments-to-change.js';
import { type DeviceHandle, type DeviceReference, openDevice } from './device.js';
import { removeDispatcherFolder } from './dispatcher.js';
import type { XdpMode } from './mode.js';
import { isOwnPin, removeOwnMapPins, removeOwnPin } from './own-pins.js';
import { attachChanged } from './xdp-link.js';

export interface XdpDetachOptions extends DeviceReference {
  /** Which, where several modes hold a program; all unless given. */
  readonly mode?: XdpMode | undefined;
}

/**
 * Takes off what is attached, whoever attached it and however it is held; gives what it was. Errors: `NOT_ATTACHED`,
 * `DEVICE_NOT_FOUND`, `ATTACH_CHANGED`, `NOT_PERMITTED`.
 */
export function detachXdp(options: XdpDetachOptions): Attachment[] {
  using device = openDevice(options);
  using held = attachmentsToChange(device);
  const all = held.attachments;
  const chosen = options.mode ? all.filter(({ mode }) => mode === options.mode) : all;
  if (chosen.length === 0 && all.length > 0) {
    const found = all.map(describeAttachment).join(' and ');
    throw new XdpkitError('NOT_ATTACHED', `${device.what} has no XDP program in ${options.mode} mode, but ${found}`);
  }
  if (chosen.length === 0) chooseAttachment(device, chosen);
  for (const attachment of chosen) {
    takeOff(device, attachment);
    removeMembers(attachment);
  }
  return [...chosen];
}

/** Also used where a program moves to another mode. */
export function takeOff(device: DeviceHandle, attachment: Attachment): void {
  const { holder, mode, programId } = attachment;
  const tried = `detach ${describeAttachment(attachment)} from ${device.what}`;
  if (holder.by === 'link') {
    using link = openLinkById(holder.linkId);
    if (link === undefined) throw attachChanged(tried);
    link.detach(`${describeAttachment(attachment)} from ${device.what}`);
    // Pins of others now hold an empty link, which is theirs to remove.
    for (const path of holder.pins) if (isOwnPin(path)) removeOwnPin(path);
    removeOwnMapPins(device.netns.cookie, device.ifindex);
    return;
  }
  using present = openProgramById(programId);
  if (present === undefined) throw attachChanged(tried);
  try {
    setXdp(device.route, { ifindex: device.ifindex, programFd: -1, mode, expectedFd: present.fd, tried });
  } catch (error) {
    if (isErrno(error, 'ENODEV')) throw device.gone(error);
    const isChanged = isErrno(error, 'EEXIST') || (isErrno(error, 'EBUSY') && holder.by !== 'unknown');
    throw isChanged ? attachChanged(tried, error) : error;
  }
  removeOwnMapPins(device.netns.cookie, device.ifindex);
}

/** Once libxdp's dispatcher is off its device, its members live only by their pins. Only under libxdp's lock. */
export function removeMembers({ holder }: Attachment): void {
  if (holder.by === 'libxdp' && holder.dispatcher.folder) removeDispatcherFolder(holder.dispatcher.folder);
}
