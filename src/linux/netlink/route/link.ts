import { XdpkitError } from '../../../errors/error.js';
import { isErrno } from '../../syscall-error.js';
import { messageFlag, PayloadWriter } from '../message.js';
import type { NetlinkSocket } from '../socket.js';
import { linkAttribute, linkInfo, type NetworkDevice, readDevice, type XdpMode } from './device.js';

/**
 * Network devices by rtnetlink. Every function works in the network namespace of the socket it is given. What the
 * kernel refuses is thrown as `SyscallError` with the driver's own words.
 * Source: Linux `net/core/rtnetlink.c`, `include/uapi/linux/rtnetlink.h`.
 */
const newLink = 16;
const deleteLink = 17;
const getLink = 18;
const setLink = 19;

const vethPeer = 1;
const flagUp = 1;
/** RTEXT_FILTER_SKIP_STATS: nobody here reads them, and gathering them is dear. */
const withoutStatistics = 8;
/** IFNAMSIZ with the NUL; longer names can only be alternative ones. */
const nameSize = 16;

/** The fixed part of every link message. */
function interfaceInfo(index = 0, flags = 0, change = 0): PayloadWriter {
  return new PayloadWriter().u32(0).i32(index).u32(flags).u32(change);
}

/** All devices of the namespace, in the kernel's order. */
export function listDevices(route: NetlinkSocket): NetworkDevice[] {
  const payload = interfaceInfo().attributeU32(linkAttribute.extensionMask, withoutStatistics).finish();
  return route.dump('list network devices', getLink, payload).map(readDevice);
}

/** The device with a name (or alternative name) or an index; undefined when there is none. */
export function findDevice(route: NetlinkSocket, device: string | number): NetworkDevice | undefined {
  const payload = interfaceInfo(typeof device === 'number' ? device : 0);
  if (typeof device === 'string') {
    const type = device.length < nameSize ? linkAttribute.name : linkAttribute.alternativeName;
    payload.attributeString(type, device);
  } else if (device <= 0) {
    return undefined;
  }
  payload.attributeU32(linkAttribute.extensionMask, withoutStatistics);
  try {
    const [message] = route.request(`look up device ${device}`, getLink, payload.finish());
    return message && readDevice(message);
  } catch (error) {
    if (isErrno(error, 'ENODEV')) return undefined;
    // A name that no device can have is refused before it is looked for.
    if (isErrno(error, 'ERANGE', 'EINVAL') && typeof device === 'string') return undefined;
    throw error;
  }
}

/** As `findDevice`; throws `DEVICE_NOT_FOUND` with a hint that lists what exists. */
export function getDevice(route: NetlinkSocket, device: string | number): NetworkDevice {
  const found = findDevice(route, device);
  if (found) return found;
  const names = listDevices(route).map(({ name }) => name);
  throw new XdpkitError(
    'DEVICE_NOT_FOUND',
    typeof device === 'string'
      ? `there is no network device ${device} in this network namespace`
      : `there is no network device with index ${device} in this network namespace`,
    { hint: `Devices here: ${names.join(', ') || 'none'}. Another namespace is named with --netns.` },
  );
}

export interface VethEnd {
  readonly name: string;
  /** Descriptor of the namespace the end is born in; the socket's own where it is left out. */
  readonly netnsFd?: number | undefined;
  /** Bytes; the kernel's 1500 where it is left out. */
  readonly mtu?: number | undefined;
}

function writeVethEnd(writer: PayloadWriter, { name, netnsFd, mtu }: VethEnd): PayloadWriter {
  writer.attributeString(linkAttribute.name, name);
  if (mtu !== undefined) writer.attributeU32(linkAttribute.mtu, mtu);
  if (netnsFd !== undefined) writer.attributeU32(linkAttribute.netnsFd, netnsFd);
  return writer;
}

/** Makes both ends of a veth pair in one step; they are down. */
export function createVethPair(route: NetlinkSocket, near: VethEnd, far: VethEnd): void {
  const payload = writeVethEnd(interfaceInfo(), near).nest(linkAttribute.info, (info) =>
    info
      .attributeString(linkInfo.kind, 'veth')
      .nest(linkInfo.data, (data) =>
        data.nest(vethPeer, (peer) => writeVethEnd(peer.u32(0).i32(0).u32(0).u32(0), far)),
      ),
  );
  route.request(`create veth pair ${near.name} and ${far.name}`, newLink, payload.finish(), {
    flags: messageFlag.create | messageFlag.exclusive,
  });
}

/** Deletes a device; of a veth pair both ends go. */
export function deleteDevice(route: NetlinkSocket, index: number): void {
  route.request(`delete network device ${index}`, deleteLink, interfaceInfo(index).finish());
}

export interface DeviceChange {
  readonly up?: boolean;
  /** Bytes. */
  readonly mtu?: number;
  readonly name?: string;
  /** Descriptor of the network namespace to move to. */
  readonly netnsFd?: number;
}

/** Changes what is given and leaves the rest. */
export function changeDevice(route: NetlinkSocket, index: number, change: DeviceChange): void {
  const { up, mtu, name, netnsFd } = change;
  const payload = interfaceInfo(index, up ? flagUp : 0, up === undefined ? 0 : flagUp);
  if (mtu !== undefined) payload.attributeU32(linkAttribute.mtu, mtu);
  if (name !== undefined) payload.attributeString(linkAttribute.name, name);
  if (netnsFd !== undefined) payload.attributeU32(linkAttribute.netnsFd, netnsFd);
  const asked = Object.entries(change).map(([key, value]) => `${key} ${value}`);
  route.request(`set ${asked.join(', ')} on network device ${index}`, setLink, payload.finish());
}

const xdpAttribute = { fd: 1, flags: 3, expectedFd: 8 } as const;
/** XDP_FLAGS_SKB_MODE, _DRV_MODE, _HW_MODE: of netlink and of BPF links. */
export const xdpModeFlags = { generic: 2, native: 4, offload: 8 } as const satisfies Record<XdpMode, number>;
const xdpFlag = { onlyIfNone: 1, replace: 16 } as const;

export interface XdpChange {
  readonly ifindex: number;
  /** Program to attach; −1 detaches. */
  readonly programFd: number;
  /** The kernel picks native where the driver has it, else generic, when it is left out. */
  readonly mode?: XdpMode | undefined;
  /** Only if this program is the one attached now (−1: none); else EEXIST. Kernel 5.7. */
  readonly expectedFd?: number | undefined;
  /** Only if no program is attached; else EBUSY. */
  readonly onlyIfNone?: boolean | undefined;
  /** What errors begin with. */
  readonly tried?: string | undefined;
}

/** Attaches, replaces or detaches a device's XDP program (`IFLA_XDP`). */
export function setXdp(route: NetlinkSocket, change: XdpChange): void {
  const { ifindex, programFd, mode, expectedFd, onlyIfNone } = change;
  const flags =
    (mode ? xdpModeFlags[mode] : 0) |
    (expectedFd === undefined ? 0 : xdpFlag.replace) |
    (onlyIfNone ? xdpFlag.onlyIfNone : 0);
  const payload = interfaceInfo(ifindex).nest(linkAttribute.xdp, (xdp) => {
    xdp.attributeI32(xdpAttribute.fd, programFd).attributeU32(xdpAttribute.flags, flags);
    if (expectedFd !== undefined) xdp.attributeI32(xdpAttribute.expectedFd, expectedFd);
  });
  const verb = programFd < 0 ? 'detach the XDP program from' : 'attach an XDP program to';
  route.request(change.tried ?? `${verb} network device ${ifindex}`, setLink, payload.finish());
}
