/**
 * Program arrays lose what they hold with their last descriptor or pin, although the program that jumps through them runs
 * on (Linux `kernel/bpf/syscall.c`, bpf_map_put_uref): for a program that stays on a device they are pinned beside its
 * link, and go with it.
 */
import { existsSync } from 'node:fs';
import { ensureBpfFileSystem } from '../kernel/bpf-file-system.js';
import type { BpfMap } from '../kernel/map.js';
import { pinObject } from '../kernel/pin.js';
import type { Attachment } from './attachment.js';
import type { DeviceHandle } from './device.js';
import { listOwnMapPins, ownMapPin, removeOwnPin } from './own-pins.js';

export interface HeldArrays {
  /** Once the program is on its device: those of the one before go. */
  settle(): void;
  /** Where it did not get there. */
  undo(): void;
}

/** `maps`: of the program that is about to be attached in the place of `before`. Errors: `NO_BPF_FILE_SYSTEM`. */
export function holdProgramArrays(
  { netns: { cookie }, ifindex }: DeviceHandle,
  maps: Iterable<BpfMap>,
  before?: Attachment,
): HeldArrays {
  const present = listOwnMapPins(cookie, ifindex);
  const arrays = goesWithProcess(before) ? [] : [...maps].filter(({ definition }) => definition.type === 'prog_array');
  const wanted = new Map(arrays.map((map) => [ownMapPin(cookie, ifindex, map.info().id), map]));
  const unpin: (() => void)[] = [];
  const undo = (): void => {
    for (const step of unpin.splice(0).reverse()) step();
  };
  const pin = (): void => {
    for (const [path, map] of wanted) {
      if (!existsSync(path)) unpin.push(pinObject(map.fd, path, `map "${map.name}"`));
    }
  };
  try {
    if (wanted.size > 0) ensureBpfFileSystem();
    pin();
  } catch (error) {
    undo();
    throw error;
  }
  return {
    undo,
    settle() {
      // With a change of mode the link before went, and its pins with it.
      pin();
      // Not those that came meanwhile: another process may be changing the device.
      for (const path of present) if (!wanted.has(path)) removeOwnPin(path);
    },
  };
}

/** A link without a pin ends with the process that holds it, and its program with it. */
function goesWithProcess(before: Attachment | undefined): boolean {
  return before?.holder.by === 'link' && before.holder.pins.length === 0;
}
