/** Programs on the devices of every network namespace that has a name or a process. */
import { queryPrograms } from '../kernel/query-programs.js';
import { listAllNetns } from '../linux/all-netns.js';
import { openNetns } from '../linux/named-netns.js';
import { listBpfFilters } from '../linux/netlink/route/filter.js';
import { listDevices } from '../linux/netlink/route/link.js';
import { currentNetns, type NetworkNamespace } from '../linux/network-namespace.js';
import { readAttachments } from '../xdp/attachment.js';
import { DeviceHandle } from '../xdp/device.js';
import { type HolderIndex, readHolderIndex } from '../xdp/holder.js';
import type { Root } from './reference.js';

export interface OnDevices {
  /** Held by devices or namespaces themselves. */
  readonly roots: readonly { readonly programId: number; readonly root: Root }[];
  /** What links are attached to, by the link's id: `veth0 in demo-left`. */
  readonly ofLinks: ReadonlyMap<number, string>;
}

const perDevice = ['tcx_ingress', 'tcx_egress', 'netkit_primary', 'netkit_peer'] as const;

export function readDevices(): OnDevices {
  using present = currentNetns();
  const holders = readHolderIndex();
  const roots: { programId: number; root: Root }[] = [];
  const ofLinks = new Map<number, string>();
  for (const { name, path, inode } of listAllNetns()) {
    const netns = inode === present.inode ? undefined : (name ?? path);
    try {
      using namespace = openNetns(name ?? path);
      for (const { programId } of queryPrograms(namespace.fd, 'flow_dissector')) {
        roots.push({ programId, root: { by: 'netns', netns, attachType: 'flow_dissector' } });
      }
      for (const { device, ifindex, hook, programId, linkId } of attachedIn(namespace, holders)) {
        if (linkId === 0) roots.push({ programId, root: { by: 'device', device, ifindex, netns, hook } });
        else ofLinks.set(linkId, `${device}${netns === undefined ? '' : ` in ${netns}`}, ${hook}`);
      }
    } catch {
      // It vanished while it was looked at.
    }
  }
  return { roots, ofLinks };
}

interface Attached {
  readonly device: string;
  readonly ifindex: number;
  readonly hook: string;
  readonly programId: number;
  /** 0 for none. */
  readonly linkId: number;
}

function attachedIn(namespace: NetworkNamespace, holders: HolderIndex): Attached[] {
  using route = namespace.openNetlink('route');
  const devices = listDevices(route);
  const names = new Map(devices.map(({ index, name }) => [index, name]));
  const xdp = devices.flatMap(({ name: device, index: ifindex, xdp: { programs } }) =>
    programs.length === 0
      ? []
      : readAttachments(new DeviceHandle(device, ifindex, namespace, route), holders).map(
          ({ mode, programId, holder }): Attached => {
            const linkId = holder.by === 'link' ? holder.linkId : 0;
            return { device, ifindex, hook: `xdp ${mode}`, programId, linkId };
          },
        ),
  );
  const filters = listBpfFilters(route).map(({ ifindex, programId, preference, hook }): Attached => {
    const device = names.get(ifindex) ?? String(ifindex);
    return { device, ifindex, hook: `tc ${hook}, preference ${preference}`, programId, linkId: 0 };
  });
  const queried = namespace.run(() =>
    devices.flatMap(({ name: device, index: ifindex }) =>
      perDevice.flatMap((hook) =>
        queryPrograms(ifindex, hook).map(
          ({ programId, linkId = 0 }): Attached => ({ device, ifindex, hook, programId, linkId }),
        ),
      ),
    ),
  );
  return [...xdp, ...filters, ...queried];
}
