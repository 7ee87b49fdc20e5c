/** The links that the kernel has: what each attaches to what, and who holds it. */
import { type LinkInfo, readLinkInfo } from '../kernel/info.js';
import { listIds, openById } from '../kernel/iterate.js';
import { type LinkTarget, readLinkTarget } from '../kernel/link-target.js';
import { describeProgram, FullProgramNames } from '../kernel/list-programs.js';
import { pinPathsOf } from '../kernel/pin-index.js';
import { type HoldingProcess, indexHoldingProcesses } from '../kernel/processes.js';
import { listAllNetns } from '../linux/all-netns.js';
import { openNetns } from '../linux/named-netns.js';
import { listDevices } from '../linux/netlink/route/link.js';
import { currentNetns } from '../linux/network-namespace.js';
import { readAttachments } from './attachment.js';
import { DeviceHandle } from './device.js';
import { readHolderIndex } from './holder.js';

export interface LinkedDevice {
  readonly device: string;
  /** Name under `/run/netns`, or the path that leads to it; undefined for the present one. */
  readonly netns: string | undefined;
}

export interface ListedLink extends LinkInfo {
  /** Undefined where the program may not be read. */
  readonly programName: string | undefined;
  readonly target: LinkTarget;
  /** The device of an XDP link, where it is in a namespace with a name or a process. */
  readonly device: LinkedDevice | undefined;
  readonly pins: readonly string[];
  /** Other processes than this one. */
  readonly processes: readonly HoldingProcess[];
}

/** All links by ascending id; those that come or go meanwhile may be missed. Needs CAP_SYS_ADMIN. Since Linux 5.8. */
export function listLinks(): ListedLink[] {
  const describe = linkDescriber();
  return [...listIds('link')].flatMap((id) => {
    using fd = openById('link', id);
    return fd === undefined ? [] : [describe(fd.number)];
  });
}

/** Gathers once what many links are described by; the result describes the link of a descriptor. */
export function linkDescriber(): (fd: number) => ListedLink {
  const pins = pinPathsOf('link');
  const processes = indexHoldingProcesses('link');
  const names = new FullProgramNames();
  let devices: ReadonlyMap<number, LinkedDevice> | undefined;
  return (fd) => {
    const info = readLinkInfo(fd);
    // To look for devices is a walk over all namespaces.
    if (info.type === 'xdp' && info.ifindex !== 0) devices ??= devicesOfLinks();
    return {
      ...info,
      programName: programName(info.programId, names),
      target: readLinkTarget(fd),
      device: devices?.get(info.id),
      pins: pins.get(info.id) ?? [],
      processes: processes.get(info.id) ?? [],
    };
  };
}

function programName(id: number, names: FullProgramNames): string | undefined {
  using fd = openById('program', id);
  return fd && describeProgram(fd.number, names).fullName;
}

/** An XDP link tells an index, and indexes repeat across namespaces: so every device is asked which link it has. */
function devicesOfLinks(): ReadonlyMap<number, LinkedDevice> {
  using present = currentNetns();
  const holders = readHolderIndex();
  const found = new Map<number, LinkedDevice>();
  for (const { name, path, inode } of listAllNetns()) {
    for (const [linkId, device] of linksIn(name ?? path, holders)) {
      found.set(linkId, { device, netns: inode === present.inode ? undefined : (name ?? path) });
    }
  }
  return found;
}

function linksIn(netns: string, holders: ReturnType<typeof readHolderIndex>): [linkId: number, device: string][] {
  try {
    using namespace = openNetns(netns);
    using route = namespace.openNetlink('route');
    return listDevices(route).flatMap(({ name, index, xdp }) => {
      if (xdp.programs.length === 0) return [];
      const attachments = readAttachments(new DeviceHandle(name, index, namespace, route), holders);
      return attachments.flatMap(({ holder }): [number, string][] =>
        holder.by === 'link' ? [[holder.linkId, name]] : [],
      );
    });
  } catch {
    // The namespace vanished while it was looked at.
    return [];
  }
}

/** `xdp link 7: program drop (12) on veth0 in demo-left`, for sentences. */
export function describeLink(link: ListedLink): string {
  const { id, type, programName: name, programId } = link;
  return `${type} link ${id}: program ${name || 'without a name'} (${programId}) on ${describeTarget(link)}`;
}

export function describeTarget({ type, target, device }: Pick<ListedLink, 'type' | 'target' | 'device'>): string {
  switch (target.kind) {
    case 'device': {
      const how = type === 'xdp' ? '' : `, ${target.attachType}`;
      if (target.ifindex === 0) return `no device: it is gone, or the link was detached${how}`;
      if (device === undefined) return `the device with index ${target.ifindex}${how}`;
      return `${device.device}${device.netns === undefined ? '' : ` in ${device.netns}`}${how}`;
    }
    case 'cgroup':
      return `cgroup ${target.cgroupId}, ${target.attachType}`;
    case 'netns':
      return target.inode === 0 ? 'a network namespace that is gone' : `net:[${target.inode}], ${target.attachType}`;
    case 'tracepoint':
      return `tracepoint ${target.name}`;
    case 'other':
      return type;
  }
}
