/** What keeps programs alive, gathered once for many of them. */
import { type LinkInfo, readLinkInfo } from '../kernel/info.js';
import { listIds, openById } from '../kernel/iterate.js';
import { listPins } from '../kernel/pin-index.js';
import { type HoldingProcess, indexHoldingProcesses } from '../kernel/processes.js';
import { listAllNetns } from '../linux/all-netns.js';
import { openNetns } from '../linux/named-netns.js';
import { listDevices } from '../linux/netlink/route/link.js';
import type { XdpMode } from './mode.js';

/** A device that runs the program as XDP, by a link or by netlink. */
export interface DevicePlace {
  readonly device: string;
  readonly ifindex: number;
  readonly mode: XdpMode;
  /** Name under `/run/netns`, or the path that leads to it. */
  readonly netns: string;
}

export interface ProgramHolders {
  readonly pins: readonly string[];
  readonly links: readonly LinkInfo[];
  readonly devices: readonly DevicePlace[];
  /** Other processes than this one. */
  readonly processes: readonly HoldingProcess[];
}

/** By the program's id: nothing for what the kernel holds in other ways, such as from maps of programs. */
export function readProgramHolders(): (programId: number) => ProgramHolders {
  const pins = listPins().filter(({ kind }) => kind === 'program');
  const links = [...listLinks()];
  const devices = listAllNetns().flatMap(({ name, path }) => placesIn(name ?? path));
  const processes = indexHoldingProcesses('program');
  return (id) => ({
    pins: pins.filter((pin) => pin.id === id).map(({ path }) => path),
    links: links.filter(({ programId }) => programId === id),
    devices: devices.filter(({ programId }) => programId === id).map(({ place }) => place),
    processes: processes.get(id) ?? [],
  });
}

function* listLinks(): Generator<LinkInfo> {
  for (const id of listIds('link')) {
    using fd = openById('link', id);
    if (fd !== undefined) yield readLinkInfo(fd.number);
  }
}

function placesIn(netns: string): { readonly programId: number; readonly place: DevicePlace }[] {
  try {
    using namespace = openNetns(netns);
    using route = namespace.openNetlink('route');
    return listDevices(route).flatMap(({ name, index, xdp }) =>
      xdp.programs.map(({ id, mode }) => ({ programId: id, place: { device: name, ifindex: index, mode, netns } })),
    );
  } catch {
    // It vanished while it was looked at.
    return [];
  }
}
