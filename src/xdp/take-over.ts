/** A link that only a process holds ends with it: pinned among xdpkit's own, the device keeps its program. */
import { ensureBpfFileSystem } from '../kernel/bpf-file-system.js';
import { openLinkById } from '../kernel/link.js';
import { type Attachment, describeAttachment } from './attachment.js';
import type { DeviceHandle } from './device.js';
import { ownLinkPin, removeOwnPin, sweepDeadPins } from './own-pins.js';
import { attachChanged } from './xdp-link.js';

export interface TakenLink {
  readonly pinnedAt: string;
  undo(): void;
}

/** Undefined where there is nothing to do: something is pinned, or the device itself holds the program. */
export function takeOver(device: DeviceHandle, attachment: Attachment): TakenLink | undefined {
  const { holder } = attachment;
  if (holder.by !== 'link' || holder.pins.length > 0) return undefined;
  using link = openLinkById(holder.linkId);
  if (link === undefined) throw attachChanged(`go on with ${describeAttachment(attachment)} on ${device.what}`);
  ensureBpfFileSystem();
  sweepDeadPins();
  const pinnedAt = ownLinkPin(device.netns.cookie, device.ifindex);
  link.pin(pinnedAt, `the XDP link of ${device.what}`);
  return { pinnedAt, undo: () => removeOwnPin(pinnedAt) };
}
