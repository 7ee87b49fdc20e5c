/** How an XDP program is held on its device, and by whom. */
import { XdpkitError } from '../errors/error.js';
import { type LinkInfo, readLinkInfo } from '../kernel/info.js';
import { listIds, openById } from '../kernel/iterate.js';
import { openPinnedLink } from '../kernel/link.js';
import { listPins, type Pin } from '../kernel/pin-index.js';
import { type HoldingProcess, listHoldingProcesses } from '../kernel/processes.js';
import { type Dispatcher, dispatcherName, readDispatcher } from './dispatcher.js';
import { isOwnPin, ownLinkPin } from './own-pins.js';

export type Holder =
  /** A BPF link: it goes when its last pin and descriptor go. */
  | {
      readonly by: 'link';
      readonly linkId: number;
      readonly pins: readonly string[];
      /** Who holds its descriptor, where no pin does: to look for them is a walk over all of /proc. */
      readonly processes: readonly HoldingProcess[];
    }
  /** The device itself holds it, until it is detached: `ip link`, `bpftool net attach`, `xdp-loader` do so. */
  | { readonly by: 'netlink' }
  /** As netlink, but the program is libxdp's dispatcher. */
  | { readonly by: 'libxdp'; readonly dispatcher: Dispatcher }
  /** The process may not look at the kernel's objects, or the kernel does not tell. */
  | { readonly by: 'unknown'; readonly reason: string };

/** What the kernel holds, gathered once for many devices. */
export interface HolderIndex {
  /** XDP links. */
  readonly links: readonly LinkInfo[];
  readonly pins: readonly Pin[];
  /** Why the links could not be listed. */
  readonly refused: string | undefined;
}

export function readHolderIndex(): HolderIndex {
  try {
    const links: LinkInfo[] = [];
    for (const id of listIds('link')) {
      using fd = openById('link', id);
      const info = fd && readLinkInfo(fd.number);
      if (info?.type === 'xdp') links.push(info);
    }
    return { links, pins: listPins(), refused: undefined };
  } catch (error) {
    if (!(error instanceof XdpkitError)) throw error;
    return { links: [], pins: [], refused: error.message };
  }
}

export interface HeldProgram {
  readonly ifindex: number;
  readonly netnsCookie: bigint;
  readonly programId: number;
  /** As the kernel cuts it; undefined where it may not be read. */
  readonly programName: string | undefined;
  /** Asks the kernel; undefined where it does not tell. */
  readonly isHeldByLink: () => boolean | undefined;
}

export function findHolder(held: HeldProgram, index: HolderIndex): Holder {
  if (index.refused) return { by: 'unknown', reason: index.refused };
  const [link, ...others] = findLinks(held, index);
  if (others.length > 0) {
    const ids = [link, ...others].map((each) => each?.id).join(' or ');
    return {
      by: 'unknown',
      reason: `link ${ids}: the kernel does not tell which of them is in this network namespace`,
    };
  }
  if (link) {
    const pins = index.pins.filter((pin) => pin.kind === 'link' && pin.id === link.id).map((pin) => pin.path);
    const processes = pins.length > 0 ? [] : listHoldingProcesses('link', link.id);
    return { by: 'link', linkId: link.id, pins, processes };
  }
  if (held.programName !== dispatcherName) return { by: 'netlink' };
  return { by: 'libxdp', dispatcher: readDispatcher(held.ifindex, held.programId) };
}

/**
 * The link of a device; none where the device itself holds the program, several where they cannot be told apart. A link
 * tells its ifindex but not its namespace, and indexes repeat: so one with the right index and program may still be that
 * of another namespace's device. xdpkit's own pins, which carry the namespace, tell several apart.
 */
function findLinks(held: HeldProgram, { links, pins }: HolderIndex): readonly LinkInfo[] {
  const candidates = links.filter((link) => link.ifindex === held.ifindex && link.programId === held.programId);
  if (candidates.length === 0 || held.isHeldByLink() === false) return [];
  if (candidates.length === 1) return candidates;
  using own = openPinnedLink(ownLinkPin(held.netnsCookie, held.ifindex));
  const ownId = own?.info().id;
  const ours = candidates.filter((link) => link.id === ownId);
  if (ours.length > 0) return ours;
  const elsewhere = new Set(pins.filter((pin) => pin.kind === 'link' && isOwnPin(pin.path)).map((pin) => pin.id));
  const free = candidates.filter((link) => !elsewhere.has(link.id));
  return free.length > 0 ? free : candidates;
}

/** "link 7, pinned at /sys/fs/bpf/…", "netlink", for sentences and tables. */
export function describeHolder(holder: Holder): string {
  switch (holder.by) {
    case 'link': {
      const by = holder.processes.map(({ pid, command }) => `process ${pid} (${command})`);
      const held = [...holder.pins.map((path) => `pinned at ${path}`), ...by];
      return `link ${holder.linkId}${held.length > 0 ? `, ${held.join(', ')}` : ''}`;
    }
    case 'netlink':
      return 'netlink';
    case 'libxdp':
      return 'libxdp';
    case 'unknown':
      return `something unknown (${holder.reason})`;
  }
}
