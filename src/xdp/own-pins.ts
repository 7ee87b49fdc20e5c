/**
 * xdpkit's own pins: `/sys/fs/bpf/xdpkit/netns-COOKIE/IFINDEX/xdp-link`, and `map-ID` beside it. The namespace's cookie is part of the path, as
 * indexes repeat across namespaces; a cookie is never used again while the machine runs.
 */
import { readdirSync, rmdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { openPinnedLink } from '../kernel/link.js';
import { pinRoot } from '../kernel/pin.js';

export function netnsPinFolder(netnsCookie: bigint): string {
  return join(pinRoot, `netns-${netnsCookie}`);
}

export function ownLinkPin(netnsCookie: bigint, ifindex: number): string {
  return join(netnsPinFolder(netnsCookie), String(ifindex), linkName);
}

const linkName = 'xdp-link';

/** Of a program array that the program on a device jumps through. */
export function ownMapPin(netnsCookie: bigint, ifindex: number, mapId: number): string {
  return join(netnsPinFolder(netnsCookie), String(ifindex), `${mapPrefix}${mapId}`);
}

const mapPrefix = 'map-';

export function listOwnMapPins(netnsCookie: bigint, ifindex: number): string[] {
  const folder = join(netnsPinFolder(netnsCookie), String(ifindex));
  return namesIn(folder).flatMap((name) => (name.startsWith(mapPrefix) ? [join(folder, name)] : []));
}

export function removeOwnMapPins(netnsCookie: bigint, ifindex: number): void {
  for (const path of listOwnMapPins(netnsCookie, ifindex)) removeOwnPin(path);
}

export function isOwnPin(path: string): boolean {
  return path.startsWith(`${pinRoot}/`);
}

/**
 * Removes a pin and the folders above it that it leaves empty, up to xdpkit's root. With a link goes what is pinned beside
 * it.
 */
export function removeOwnPin(path: string): void {
  rmSync(path, { force: true });
  if (basename(path) === linkName) {
    for (const name of namesIn(dirname(path))) {
      if (name.startsWith(mapPrefix)) rmSync(join(dirname(path), name), { force: true });
    }
  }
  for (let folder = dirname(path); isOwnPin(folder) || folder === pinRoot; folder = dirname(folder)) {
    try {
      rmdirSync(folder);
    } catch {
      // Others still use it, or it is gone already.
      return;
    }
  }
}

/**
 * Removes the pins of links whose device is gone, and gives their paths: the kernel keeps such a link, without a device,
 * for ever.
 */
function removeDeadPins(netnsCookie: bigint): string[] {
  return namesIn(netnsPinFolder(netnsCookie)).flatMap((ifindex) => {
    const path = ownLinkPin(netnsCookie, Number(ifindex));
    using link = openPinnedLink(path);
    if (link?.info().ifindex !== 0) return [];
    removeOwnPin(path);
    return [path];
  });
}

/** As `removeDeadPins`, in every network namespace, also in those that are gone themselves. */
export function sweepDeadPins(): string[] {
  return namesIn(pinRoot).flatMap((name) => {
    const cookie = /^netns-(\d+)$/.exec(name)?.[1];
    return cookie === undefined ? [] : removeDeadPins(BigInt(cookie));
  });
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
