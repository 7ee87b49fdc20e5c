import { rmSync } from 'node:fs';
import { XdpkitError } from '../errors/error.js';
import { processesInNetns } from '../linux/all-netns.js';
import { deleteNetns, openNetns } from '../linux/named-netns.js';
import { deleteDevice, findDevice } from '../linux/netlink/route/link.js';
import { netnsPinFolder, removeOwnPin } from '../xdp/own-pins.js';
import { labDevice, lookAtNamespace } from './host.js';
import { checkLabName, netnsNameOf, type Side, sides } from './lab-name.js';
import {
  type LabState,
  labNotFound,
  lockLabs,
  readLabState,
  readLabStates,
  removeDrafts,
  removeLabState,
} from './lab-state.js';
import { currentBootId, isAlive } from './maker.js';

export interface LabRemoval {
  readonly name: string;
  /** Names of the network namespaces that were removed. */
  readonly namespaces: readonly string[];
  /** Processes that still run in them: their namespace lives on without a name or device until they end. */
  readonly processes: readonly number[];
}

/**
 * Removes exactly what the lab made, whole or half: devices, network namespaces, pins under xdpkit's folder, and its
 * record. A namespace of the right name that the lab did not make is left alone. Throws `LAB_NOT_FOUND`.
 */
export function labDown(name: string): LabRemoval {
  checkLabName(name);
  const removal = takeLabDown(name);
  if (removal === undefined) throw labNotFound(name);
  return removal;
}

/** As `labDown`; undefined when there is no such lab. */
export function takeLabDown(name: string): LabRemoval | undefined {
  using _lock = lockLabs();
  const state = readLabState(name);
  return state && removeLab(state);
}

/**
 * Takes down the temporary labs whose makers have ended, and gives their names; `failed` are those that would not go, of
 * which none keeps the others. Called where tests and demos start.
 */
export function sweepLabs(): { removed: string[]; failed: { name: string; error: unknown }[] } {
  using _lock = lockLabs();
  removeDrafts();
  const removed: string[] = [];
  const failed: { name: string; error: unknown }[] = [];
  for (const { name, state } of readLabStates()) {
    if (state instanceof XdpkitError || !state.temporary || isAlive(state.maker)) continue;
    try {
      removeLab(state);
      removed.push(name);
    } catch (error) {
      failed.push({ name, error });
    }
  }
  return { removed, failed };
}

/** Only under `lockLabs`. The record goes last, so that a crash in between can be finished by the next try. */
export function removeLab(state: LabState): LabRemoval {
  const processes: number[] = [];
  const namespaces = sides.flatMap((side) => {
    const name = netnsNameOf(state.name, side);
    const found = lookAtNamespace(state, side);
    removePins(state, side);
    if (found === 'ours') {
      using netns = openNetns(name);
      processes.push(...processesInNetns(netns.inode));
      using route = netns.openNetlink();
      const device = findDevice(route, labDevice);
      // At once: the kernel takes a namespace's devices away later, and not while a process is in it.
      if (device?.kind === 'veth') deleteDevice(route, device.index);
    }
    if (found !== 'ours' && found !== 'file') return [];
    deleteNetns(name);
    return [name];
  });
  removeLabState(state.name);
  return { name: state.name, namespaces, processes };
}

/** What was pinned for devices of the namespace; its cookie is never used again, so nobody else's can be there. */
export function removePins(state: LabState, side: Side): void {
  const recorded = state.namespaces[side];
  if (!recorded || recorded.bootId !== currentBootId()) return;
  const folder = netnsPinFolder(BigInt(recorded.cookie));
  rmSync(folder, { recursive: true, force: true });
  removeOwnPin(folder);
}
