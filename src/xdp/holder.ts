/** How an XDP program is held on its device, and by whom. */
import { XdpkitError } from '../errors/error.js';
import { type LinkInfo, readLinkInfo } from '../kernel/info.js';
import { listIds, openById } from '../kernel/iterate.js';
import { openPinnedLink } from '../kernel/link.js';
import { listPins, type Pin } from '../kernel/pin-index.js';
import { type HoldingProcess, listHoldingProcesses } from '../kernel/processes.js';
import { dispatcherName, findDispatcherFolder } from './dispatcher.js';
import { isOwnPin, ownLinkPin } from './own-pins.js';

export type Holder =
  /** A BPF link: it goes when its last pin and descriptor go. */
  | {
      readonly by: 'link';
      readonly linkId: number;
      readonly pins: readonly string[];
      readonly processes: readonly HoldingProcess[];
    }
  /** The device itself holds it, until it is detached: `ip link`, `bpftool net attach`, `xdp-loader` do so. */
  | { readonly by: 'netlink' }
  /** As netlink, but the program is libxdp's dispatcher, whose members are pinned in `folder`. */
  | { readonly by: 'libxdp'; readonly folder: string | undefined; readonly members: readonly string[] }
  /** The process may not look at the kernel's objects. */
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
}

export function findHolder(held: HeldProgram, index: HolderIndex): Holder {
  if (index.refused) return { by: 'unknown', reason: index.refused };
  const link = findLink(held, index);
  if (link) {
    const pins = index.pins.filter((pin) => pin.kind === 'link' && pin.id === link.id).map((pin) => pin.path);
    return { by: 'link', linkId: link.id, pins, processes: listHoldingProcesses('link', link.id) };
  }
  if (held.programName !== dispatcherName) return { by: 'netlink' };
  return { by: 'libxdp', ...findDispatcherFolder(held.ifindex, held.programId) };
}

/**
 * The link of a device. A link tells its ifindex but not its namespace, so that one program attached to two devices of
 * the same index in two namespaces makes two candidates: xdpkit's own pins, which carry the namespace, tell them apart.
 */
function findLink(held: HeldProgram, { links, pins }: HolderIndex): LinkInfo | undefined {
  const candidates = links.filter((link) => link.ifindex === held.ifindex && link.programId === held.programId);
  if (candidates.length <= 1) return candidates[0];
  using own = openPinnedLink(ownLinkPin(held.netnsCookie, held.ifindex));
  const ownId = own?.info().id;
  if (ownId !== undefined) return candidates.find((link) => link.id === ownId);
  const elsewhere = new Set(pins.filter((pin) => pin.kind === 'link' && isOwnPin(pin.path)).map((pin) => pin.id));
  const free = candidates.filter((link) => !elsewhere.has(link.id));
  if (free.length <= 1) return free[0];
  throw new XdpkitError(
    'FAILED',
    `links ${free.map((link) => link.id).join(' and ')} both hold program ${held.programId} on a device with index ` +
      `${held.ifindex}, and the kernel does not tell which of them is in this network namespace`,
    { hint: 'Detach by the program that attached it, or by its pin.' },
  );
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
      return holder.members.length > 0 ? `libxdp dispatcher with ${holder.members.join(', ')}` : 'libxdp dispatcher';
    case 'unknown':
      return `unknown (${holder.reason})`;
  }
}
