import { XdpkitError } from '../errors/error.js';
import { openNetns } from '../linux/named-netns.js';
import type { NetworkDevice } from '../linux/netlink/route/device.js';
import { findDevice, getDevice } from '../linux/netlink/route/link.js';
import { NetlinkSocket } from '../linux/netlink/socket.js';
import { currentNetns, type NetworkNamespace } from '../linux/network-namespace.js';

/** Which device is meant, and where: the present network namespace unless told. */
export interface DeviceReference {
  /** Name, `veth0`. */
  readonly device: string;
  /** A name under `/run/netns`, a path, or the id of a process. */
  readonly netns?: string | number | undefined;
}

/**
 * A device of a network namespace, held so that later steps mean the same one: indexes repeat across namespaces, and a
 * name may go to another device.
 */
export class DeviceHandle {
  readonly name: string;
  readonly ifindex: number;
  readonly netns: NetworkNamespace;
  readonly route: NetlinkSocket;

  constructor(name: string, ifindex: number, netns: NetworkNamespace, route: NetlinkSocket) {
    this.name = name;
    this.ifindex = ifindex;
    this.netns = netns;
    this.route = route;
  }

  /** For sentences: `device "veth0"`. */
  get what(): string {
    return `device "${this.name}"`;
  }

  /** Asks the kernel anew. Errors: `DEVICE_GONE`. */
  read(): NetworkDevice {
    const device = findDevice(this.route, this.ifindex);
    if (device === undefined) throw this.gone();
    return device;
  }

  /** Calls that find the device by its index alone are made here, in its namespace. */
  run<T>(callback: () => T): T {
    return this.netns.run(callback);
  }

  gone(cause?: unknown): XdpkitError {
    return new XdpkitError('DEVICE_GONE', `${this.what} disappeared in the meantime`, { cause });
  }

  [Symbol.dispose](): void {
    this.route[Symbol.dispose]();
    this.netns[Symbol.dispose]();
  }
}

/** Errors: `DEVICE_NOT_FOUND`, `NETNS_NOT_FOUND`. */
export function openDevice({ device, netns }: DeviceReference): DeviceHandle {
  const namespace = netns === undefined ? currentNetns() : openNetns(netns);
  try {
    const route = namespace.run(() => NetlinkSocket.open('route'));
    try {
      const { name, index } = getDevice(route, device);
      return new DeviceHandle(name, index, namespace, route);
    } catch (error) {
      route[Symbol.dispose]();
      throw error;
    }
  } catch (error) {
    namespace[Symbol.dispose]();
    throw error;
  }
}
