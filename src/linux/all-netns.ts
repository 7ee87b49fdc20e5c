import { readdirSync, statSync } from 'node:fs';
import { listNetns, netnsExists, netnsPath } from './named-netns.js';

export interface NetnsPlace {
  /** First of its names under `/run/netns`. */
  readonly name: string | undefined;
  /** A path that opens it: of its name, or of a process in it. */
  readonly path: string;
  readonly inode: bigint;
  /** Processes in it that this process may see. */
  readonly processes: readonly number[];
}

/**
 * Every distinct network namespace of the machine that has a name or a process. One that is only held by a descriptor
 * or a mount elsewhere is not found. Namespaces of other users' processes need CAP_SYS_PTRACE.
 */
export function listAllNetns(): NetnsPlace[] {
  const places = new Map<bigint, { name: string | undefined; path: string; inode: bigint; processes: number[] }>();
  for (const name of listNetns()) {
    if (netnsExists(name) !== 'namespace') continue;
    const inode = inodeOf(netnsPath(name));
    if (inode !== undefined && !places.has(inode)) {
      places.set(inode, { name, path: netnsPath(name), inode, processes: [] });
    }
  }
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const path = `/proc/${entry}/ns/net`;
    const inode = inodeOf(path);
    if (inode === undefined) continue;
    const place = places.get(inode) ?? { name: undefined, path, inode, processes: [] };
    place.processes.push(Number(entry));
    places.set(inode, place);
  }
  return [...places.values()];
}

/** Ids of the processes in the namespace with that inode. */
export function processesInNetns(inode: bigint): number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry) && inodeOf(`/proc/${entry}/ns/net`) === inode)
    .map(Number);
}

function inodeOf(path: string): bigint | undefined {
  try {
    return statSync(path, { bigint: true }).ino;
  } catch {
    // The process has ended, is a zombie, or may not be looked into.
    return undefined;
  }
}
