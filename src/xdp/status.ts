import { XdpkitError } from '../errors/error.js';
import { listAllNetns } from '../linux/all-netns.js';
import { readDriver } from '../linux/ethtool.js';
import { kernelOlderThan } from '../linux/kernel-release.js';
import { openNetns } from '../linux/named-netns.js';
import { listXdpFeatures, type XdpFeatures } from '../linux/netlink/netdev.js';
import { listDevices } from '../linux/netlink/route/link.js';
import { currentNetns, type NetworkNamespace } from '../linux/network-namespace.js';
import { nativeXdpSince } from '../linux/xdp-drivers.js';
import { type Attachment, readAttachments } from './attachment.js';
import { DeviceHandle, openDevice } from './device.js';
import { type HolderIndex, readHolderIndex } from './holder.js';

export interface DeviceStatus {
  readonly device: string;
  readonly ifindex: number;
  /** As the driver tells; the kind (`veth`, `bridge`) where it does not. */
  readonly driver: string | undefined;
  readonly up: boolean;
  /** Operational state, RFC 2863: `up`, `down`, `lower-layer-down`, … */
  readonly state: string;
  /** Bytes. */
  readonly mtu: number;
  readonly attachments: readonly Attachment[];
  readonly features: DeviceFeatures;
}

/** What the driver can do in XDP, and how that is known. */
export type DeviceFeatures =
  /** The kernel was asked (generic netlink, Linux 6.3). */
  | ({ readonly from: 'driver' } & XdpFeatures)
  /** The kernel can't be asked: by the driver's name and the kernel release. */
  | { readonly from: 'table'; readonly native: boolean; readonly since: string | undefined };

export interface NetnsStatus {
  /** Name under `/run/netns`, or the path that leads to it; undefined for the present one without a name. */
  readonly netns: string | undefined;
  readonly inode: bigint;
  readonly devices: readonly DeviceStatus[];
}

export interface StatusOptions {
  /** One device only. */
  readonly device?: string | undefined;
  /** The present namespace unless given. */
  readonly netns?: string | number | undefined;
}

/** The devices of a network namespace. Errors: `DEVICE_NOT_FOUND`, `NETNS_NOT_FOUND`. */
export function readStatus({ device, netns }: StatusOptions = {}): NetnsStatus {
  using namespace = netns === undefined ? currentNetns() : openNetns(netns);
  const name = netns === undefined ? namespace.name : String(netns);
  if (device === undefined) return statusOf(namespace, name, new LazyHolderIndex());
  using handle = openDevice({ device, netns });
  return statusOf(namespace, name, new LazyHolderIndex(), handle.ifindex);
}

/** The network namespaces of the machine, as far as this process may enter them, which takes CAP_SYS_ADMIN. */
export interface MachineStatus {
  readonly namespaces: readonly NetnsStatus[];
  readonly refused: readonly RefusedNetns[];
}

export interface RefusedNetns extends Pick<NetnsStatus, 'inode'> {
  readonly netns: string;
  /** `NOT_PERMITTED` */
  readonly error: XdpkitError;
}

/** All namespaces with a name or a process; those that vanish meanwhile are left out. */
export function readStatusOfAllNetns(): MachineStatus {
  const index = new LazyHolderIndex();
  const namespaces: NetnsStatus[] = [];
  const refused: RefusedNetns[] = [];
  for (const { name, path, inode } of listAllNetns()) {
    const netns = name ?? path;
    try {
      using namespace = openNetns(netns);
      namespaces.push(statusOf(namespace, netns, index));
    } catch (error) {
      if (!(error instanceof XdpkitError)) throw error;
      if (error.code === 'NOT_PERMITTED') refused.push({ netns, inode, error });
      else if (error.code !== 'NETNS_NOT_FOUND') throw error;
    }
  }
  return { namespaces, refused };
}

/** Listing links and pins costs more than all the rest, and most devices have no program. */
class LazyHolderIndex {
  #index: HolderIndex | undefined;

  get(): HolderIndex {
    this.#index ??= readHolderIndex();
    return this.#index;
  }
}

function statusOf(
  namespace: NetworkNamespace,
  name: string | undefined,
  index: LazyHolderIndex,
  onlyIfindex?: number,
): NetnsStatus {
  using route = namespace.openNetlink('route');
  const found = listDevices(route).filter((device) => onlyIfindex === undefined || device.index === onlyIfindex);
  const { features, drivers } = namespace.run(() => ({
    features: listXdpFeatures(),
    drivers: new Map(found.map((device) => [device.index, readDriver(device.name)?.driver])),
  }));
  const devices = found.map((device): DeviceStatus => {
    const handle = new DeviceHandle(device.name, device.index, namespace, route);
    const driver = drivers.get(device.index) ?? device.kind ?? (device.flags.loopback ? 'loopback' : undefined);
    return {
      device: device.name,
      ifindex: device.index,
      driver,
      up: device.flags.up,
      state: device.operationalState,
      mtu: device.mtu,
      attachments: device.xdp.programs.length > 0 ? readAttachments(handle, index.get()) : [],
      features: featuresOf(features, device.index, driver),
    };
  });
  return { netns: name, inode: namespace.inode, devices };
}

function featuresOf(
  announced: ReadonlyMap<number, XdpFeatures> | undefined,
  ifindex: number,
  driver: string | undefined,
): DeviceFeatures {
  const features = announced?.get(ifindex);
  if (features) return { from: 'driver', ...features };
  const since = driver === undefined ? undefined : nativeXdpSince[driver];
  return { from: 'table', native: since !== undefined && !kernelOlderThan(since), since };
}
