/** What keeps a value in a map of storage, or stands in an array of control groups: given as people know it. */
import { closeSync, openSync } from 'node:fs';
import { XdpkitError } from '../../errors/error.js';
import { mustCall, systemCall } from '../../linux/syscalls.js';

export type Owner =
  /** A descriptor of this process: a socket, a pidfd, a folder of the cgroup file system, a file. */
  | { readonly fd: number }
  /** A task, by the id of its process. Since Linux 5.3. */
  | { readonly pid: number }
  /** A control group's folder, or a file. */
  | { readonly path: string };

/** Calls with a descriptor of the owner, which is closed again. */
export function withOwner<Result>(owner: Owner, run: (fd: number) => Result): Result {
  if ('fd' in owner) return run(owner.fd);
  const fd = 'pid' in owner ? openProcess(owner.pid) : openPath(owner.path);
  try {
    return run(fd);
  } finally {
    if ('pid' in owner) systemCall('close', fd);
    else closeSync(fd);
  }
}

function openProcess(pid: number): number {
  return mustCall('pidfd_open', `open process ${pid}`, [pid, 0]);
}

function openPath(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new XdpkitError('FILE_NOT_FOUND', `open ${path}: ${why}`, { cause });
  }
}
