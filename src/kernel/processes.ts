/** Which processes hold a BPF object open. Those of other users are only seen by root. */
import { type HeldKind, listHeldDescriptors } from './held-descriptors.js';

export interface HoldingProcess {
  readonly pid: number;
  /** As in /proc/PID/comm: at most 15 bytes. */
  readonly command: string;
}

/** Other processes than this one. */
export function listHoldingProcesses(kind: HeldKind, id: number): readonly HoldingProcess[] {
  return indexHoldingProcesses(kind).get(id) ?? [];
}

/** By the id of what they hold: one walk over all of /proc for many objects. */
export function indexHoldingProcesses(kind: HeldKind): ReadonlyMap<number, readonly HoldingProcess[]> {
  const index = new Map<number, HoldingProcess[]>();
  for (const { pid, command, id, of } of listHeldDescriptors([kind])) {
    if (pid === process.pid || of !== 'object') continue;
    const holders = index.get(id) ?? [];
    // Its descriptors follow each other.
    if (holders.at(-1)?.pid !== pid) index.set(id, [...holders, { pid, command }]);
  }
  return index;
}
