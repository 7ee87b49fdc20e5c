/** What is read of libxdp's dispatcher here: its pins (xdp-tools, `lib/libxdp/protocol.org`). */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { readProgramInfo } from '../kernel/info.js';
import { openPinned } from '../kernel/pin.js';

export const dispatcherName = 'xdp_dispatcher';
const root = '/sys/fs/bpf/xdp';

export interface DispatcherFolder {
  /** `/sys/fs/bpf/xdp/dispatch-IFINDEX-PROGRAMID`; undefined where libxdp keeps none. */
  readonly folder: string | undefined;
  /** Names of the members in their order, as the kernel cuts them. */
  readonly members: readonly string[];
}

export function findDispatcherFolder(ifindex: number, programId: number): DispatcherFolder {
  const folder = join(root, `dispatch-${ifindex}-${programId}`);
  const names = namesIn(folder);
  if (names === undefined) return { folder: undefined, members: [] };
  const members = names
    .filter((name) => /^prog\d+-prog$/.test(name))
    .sort((a, b) => Number.parseInt(a.slice(4), 10) - Number.parseInt(b.slice(4), 10))
    .flatMap((name) => {
      using fd = openPinned(join(folder, name), 'dispatcher member');
      return fd ? [readProgramInfo(fd.number).name] : [];
    });
  return { folder, members };
}

/** After the dispatcher was taken off its device: its members live only by these pins. */
export function removeDispatcherFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}

function namesIn(folder: string): string[] | undefined {
  try {
    return readdirSync(folder);
  } catch {
    return undefined;
  }
}
