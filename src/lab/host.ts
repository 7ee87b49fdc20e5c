import { writeFileSync } from 'node:fs';
import { XdpkitError } from '../errors/error.js';
import { pause } from '../linux/folder-lock.js';
import { createNetns, deleteNetns, netnsExists, openNetns } from '../linux/named-netns.js';
import { addAddress, listAddresses } from '../linux/netlink/route/address.js';
import type { NetworkDevice } from '../linux/netlink/route/device.js';
import { changeDevice, createVethPair, deleteDevice, findDevice } from '../linux/netlink/route/link.js';
import type { NetlinkSocket } from '../linux/netlink/socket.js';
import type { NetworkNamespace } from '../linux/network-namespace.js';
import { isErrno } from '../linux/syscall-error.js';
import { formatIp } from '../packet/ip-address.js';
import { parsePrefix } from '../packet/prefix.js';
import { netnsNameOf, type Side, sides } from './lab-name.js';
import type { LabPrefixes, LabState } from './lab-state.js';
import { currentBootId } from './maker.js';

/** Of both ends: the namespaces tell them apart. */
export const labDevice = 'veth0';

const readyPatience = 5000;
const readyPause = 2;

export interface HostAddresses {
  readonly ipv4: string;
  readonly ipv4Length: number;
  readonly ipv6: string;
  readonly ipv6Length: number;
}

/** `.1` and `::1` of the lab's prefixes for the left host, `.2` and `::2` for the right. */
export function addressesOf(prefixes: LabPrefixes, side: Side): HostAddresses {
  const [ipv4, ipv6] = [parsePrefix(prefixes.ipv4), parsePrefix(prefixes.ipv6)];
  const number = sides.indexOf(side) + 1;
  const host = (bytes: Uint8Array): string => formatIp(bytes.with(bytes.length - 1, (bytes.at(-1) ?? 0) | number));
  return { ipv4: host(ipv4.bytes), ipv4Length: ipv4.length, ipv6: host(ipv6.bytes), ipv6Length: ipv6.length };
}

/**
 * The namespace of a lab's host as it is now: `foreign` has the right name but was not made by this lab; of `file`
 * only the name is left.
 */
export function lookAtNamespace(state: LabState, side: Side): 'ours' | 'foreign' | 'file' | 'missing' {
  const name = netnsNameOf(state.name, side);
  const recorded = state.namespaces[side];
  const found = netnsExists(name);
  if (!found) return 'missing';
  // Written down, and then named: without the first the second is somebody else's.
  if (!recorded || recorded.bootId !== currentBootId()) return 'foreign';
  if (found === 'file') return 'file';
  using netns = openNetns(name);
  return String(netns.cookie) === recorded.cookie ? 'ours' : 'foreign';
}

/**
 * Opens the host's namespace, or makes it; `record` writes down what is about to be named. A foreign one of that name is
 * refused as taken: `labUp` has looked for it before.
 */
export function ensureNamespace(
  state: LabState,
  side: Side,
  record: (netns: NetworkNamespace) => void,
): NetworkNamespace {
  const name = netnsNameOf(state.name, side);
  const found = lookAtNamespace(state, side);
  if (found === 'ours') return openNetns(name);
  if (found === 'file') deleteNetns(name);
  return createNetns(name, record);
}

/** The veth pair between the two namespaces: kept where it is whole, else made anew. */
export function ensureVethPair(left: NetworkNamespace, right: NetworkNamespace, mtu: number): void {
  using leftRoute = left.openNetlink();
  using rightRoute = right.openNetlink();
  const ends = [findDevice(leftRoute, labDevice), findDevice(rightRoute, labDevice)] as const;
  if (isPair(...ends)) return;
  if (ends[0]) deleteDevice(leftRoute, ends[0].index);
  // Deleting the first may have taken its peer along.
  const rest = findDevice(rightRoute, labDevice);
  if (rest) deleteDevice(rightRoute, rest.index);
  createVethPair(leftRoute, { name: labDevice, mtu }, { name: labDevice, mtu, netnsFd: right.fd });
}

function isPair(one: NetworkDevice | undefined, other: NetworkDevice | undefined): boolean {
  return (
    one?.kind === 'veth' && other?.kind === 'veth' && one.linkIndex === other.index && other.linkIndex === one.index
  );
}

/** Gives a host's device its MTU and addresses and sets it up; what is right already stays. */
export function configureHost(netns: NetworkNamespace, addresses: HostAddresses, mtu: number): void {
  using route = netns.openNetlink();
  const device = findDevice(route, labDevice);
  if (!device) throw new XdpkitError('DEVICE_GONE', `${netns.name}: ${labDevice} disappeared while the lab was made`);
  if (device.mtu !== mtu) changeDevice(route, device.index, { mtu });
  const hasLinkLocal = listAddresses(route, device.index).some(
    ({ version, scope }) => version === 6 && scope === 'link',
  );
  // The kernel makes a link-local address only when a device comes up.
  if (device.flags.up && !hasLinkLocal) changeDevice(route, device.index, { up: false });
  netns.run(() => {
    setIpv6(labDevice, 'disable_ipv6', 0);
    // Nobody else is on this link, so that its link-local address need not wait for a duplicate to be found.
    setIpv6(labDevice, 'accept_dad', 0);
  });
  const wanted = [
    { address: addresses.ipv4, prefixLength: addresses.ipv4Length },
    { address: addresses.ipv6, prefixLength: addresses.ipv6Length, skipDuplicateDetection: true },
  ];
  for (const each of wanted) {
    try {
      addAddress(route, { ifindex: device.index, ...each });
    } catch (error) {
      if (!isErrno(error, 'EEXIST')) throw error;
    }
  }
  changeDevice(route, device.index, { up: true });
}

/** Best effort: where `/proc/sys` cannot be written, the kernel's defaults and `awaitReady` do, only slower. */
function setIpv6(device: string, setting: string, value: number): void {
  try {
    writeFileSync(`/proc/sys/net/ipv6/conf/${device}/${setting}`, `${value}`);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EROFS' && code !== 'EACCES' && code !== 'ENOENT' && code !== 'EPERM') throw error;
  }
}

/** Waits until the device can carry packets of both IP versions: carrier there, no address tentative. */
export function awaitReady(netns: NetworkNamespace): void {
  using route = netns.openNetlink();
  for (let waited = 0; ; waited += readyPause) {
    const problem = hostProblem(route, netns);
    if (!problem) return;
    if (waited >= readyPatience) {
      throw new XdpkitError('LAB_BROKEN', `${netns.name}: ${problem}, ${readyPatience / 1000} s after it was set up`);
    }
    pause(readyPause);
  }
}

function hostProblem(route: NetlinkSocket, netns: NetworkNamespace): string | undefined {
  const device = findDevice(route, labDevice);
  if (!device) throw new XdpkitError('DEVICE_GONE', `${netns.name}: ${labDevice} disappeared while the lab was made`);
  if (device.operationalState !== 'up') return `${labDevice} is ${device.operationalState}`;
  const addresses = listAddresses(route, device.index);
  const unready = addresses.find(({ tentative }) => tentative);
  if (unready) return `address ${unready.address} is still tentative`;
  return addresses.some(({ scope }) => scope === 'link') ? undefined : `${labDevice} has no link-local address`;
}

/** What keeps a finished lab's hosts from being usable, as sentences without an end; empty when all is well. */
export function findProblems(state: LabState): string[] {
  const looks = sides.map((side) => [netnsNameOf(state.name, side), lookAtNamespace(state, side)] as const);
  const problems = looks.flatMap(([name, found]) => {
    if (found === 'ours') return [];
    return [
      found === 'foreign' ? `network namespace ${name} is not the lab's own` : `network namespace ${name} is missing`,
    ];
  });
  if (problems.length > 0) return problems;
  using left = openNetns(netnsNameOf(state.name, 'left'));
  using right = openNetns(netnsNameOf(state.name, 'right'));
  const devices = [left, right].map((netns) => {
    using route = netns.openNetlink();
    const device = findDevice(route, labDevice);
    return { netns, device, addresses: device ? listAddresses(route, device.index) : [] };
  });
  if (!isPair(devices[0]?.device, devices[1]?.device)) problems.push(`the veth pair between the hosts is missing`);
  for (const [index, side] of sides.entries()) {
    const host = devices[index];
    if (!host?.device) continue;
    const name = netnsNameOf(state.name, side);
    if (!host.device.flags.up) problems.push(`${labDevice} in ${name} is down`);
    const wanted = addressesOf(state.prefixes, side);
    for (const address of [wanted.ipv4, wanted.ipv6]) {
      if (!host.addresses.some((each) => each.address === address))
        problems.push(`${name} lacks its address ${address}`);
    }
  }
  if (problems.length === 0 && !state.finished) problems.push('its making was interrupted');
  return problems;
}
