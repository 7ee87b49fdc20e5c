/** What is on a device, seen as a place for programs. */
import type { ChainState } from '../object/chain/state.js';
import { type Attachment, chooseAttachment, readAttachments } from './attachment.js';
import type { DeviceHandle } from './device.js';
import type { Dispatcher } from './dispatcher.js';
import type { XdpMode } from './mode.js';

export type Occupant =
  | { readonly kind: 'none' }
  /** Somebody's program, alone. */
  | { readonly kind: 'program'; readonly attachment: Attachment }
  /** A chain of xdpkit. */
  | { readonly kind: 'chain'; readonly attachment: Attachment; readonly state: ChainState }
  /** libxdp's dispatcher. */
  | { readonly kind: 'dispatcher'; readonly attachment: Attachment; readonly dispatcher: Dispatcher };

/** Errors: USAGE where several modes hold a program and none is named. */
export function readOccupant(device: DeviceHandle, mode?: XdpMode): Occupant {
  const attachments = readAttachments(device);
  if (attachments.length === 0) return { kind: 'none' };
  const attachment = chooseAttachment(device, attachments, mode);
  const { chain, holder } = attachment;
  if (chain) return { kind: 'chain', attachment, state: chain };
  if (holder.by === 'libxdp') return { kind: 'dispatcher', attachment, dispatcher: holder.dispatcher };
  return { kind: 'program', attachment };
}
