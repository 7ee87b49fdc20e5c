/** Where programs redirect packets to: devices and CPUs, and the programs that see them there. */
import { XdpkitError } from '../../errors/error.js';
import { openNetns } from '../../linux/named-netns.js';
import { getDevice } from '../../linux/netlink/route/link.js';
import { NetlinkSocket } from '../../linux/netlink/socket.js';
import { isErrno } from '../../linux/syscall-error.js';
import type { BpfMap, UpdateMode } from '../map.js';
import { RawValues, wordAt } from './raw-values.js';

interface ProgramHolder {
  /** A program that sees each packet when it arrives there. Since Linux 5.8 (devices), 5.9 (CPUs). */
  readonly program?: { readonly fd: number } | undefined;
}

export type DeviceTarget = ({ readonly ifindex: number } | { readonly device: string }) & ProgramHolder;

export interface FoundDevice {
  readonly ifindex: number;
  /** Undefined where packets go out without meeting a program. */
  readonly programId: number | undefined;
}

export interface DeviceMapOptions {
  /** Where devices are looked up: the present network namespace unless told (a name, a path, a process id). */
  readonly netns?: string | number | undefined;
}

/**
 * A map of type `devmap` (since Linux 4.14) or `devmap_hash` (5.4), for `bpf_redirect_map`. A device that goes away leaves
 * the map. A view, which is good as long as the map is open. Throws USAGE for maps of other types.
 */
export class DeviceMap {
  readonly #values: RawValues<number>;
  readonly #netns: string | number | undefined;

  constructor(map: BpfMap<number, unknown>, { netns }: DeviceMapOptions = {}) {
    this.#values = new RawValues(map, ['devmap', 'devmap_hash'], 'only device maps hold devices');
    this.#netns = netns;
  }

  /** Errors: `DEVICE_NOT_FOUND`, `NETNS_NOT_FOUND`, as of `BpfMap.set`; USAGE for a program where values hold none. */
  set(key: number, target: DeviceTarget, mode?: UpdateMode): void {
    this.#inside(() => {
      const ifindex = 'device' in target ? lookUp(target.device) : target.ifindex;
      const words = [ifindex, ...programWord(this.#values, target, 'bpf_devmap_val')];
      withHint(
        () => this.#values.set(key, words, mode),
        `Is there a device ${ifindex} in that network namespace, and is the program one for devices (SEC("xdp/devmap"))?`,
      );
    });
  }

  get(key: number): FoundDevice | undefined {
    const value = this.#values.get(key);
    return value && foundDevice(value);
  }

  delete(key: number): boolean {
    return this.#values.map.delete(key);
  }

  *entries(): Generator<[number, FoundDevice]> {
    for (const [key, value] of this.#values.entries()) yield [key, foundDevice(value)];
  }

  [Symbol.iterator](): Generator<[number, FoundDevice]> {
    return this.entries();
  }

  /** The kernel looks a device up where the call is made. */
  #inside(run: () => void): void {
    using netns = this.#netns === undefined ? undefined : openNetns(this.#netns);
    if (netns === undefined) run();
    else netns.run(run);
  }
}

function lookUp(device: string): number {
  using route = NetlinkSocket.open('route');
  return getDevice(route, device).index;
}

function foundDevice(value: DataView): FoundDevice {
  return { ifindex: wordAt(value, 0), programId: wordAt(value, 4) || undefined };
}

export interface CpuTarget extends ProgramHolder {
  /** Packets that wait for the CPU at most, 1 to 16,384. */
  readonly queueSize: number;
}

export interface FoundCpu {
  readonly queueSize: number;
  readonly programId: number | undefined;
}

/**
 * A map of type `cpumap`, keyed by CPU number, for `bpf_redirect_map`: packets go on there as if they had been received
 * by that CPU. Since Linux 4.15. A view, which is good as long as the map is open. Throws USAGE for other maps.
 */
export class CpuMap {
  readonly #values: RawValues<number>;

  constructor(map: BpfMap<number, unknown>) {
    this.#values = new RawValues(map, ['cpumap'], 'only CPU maps hold queues of CPUs');
  }

  /** Starts the CPU's thread. Errors: as of `BpfMap.set`; USAGE for a program where values hold none. */
  set(cpu: number, target: CpuTarget, mode?: UpdateMode): void {
    const words = [target.queueSize, ...programWord(this.#values, target, 'bpf_cpumap_val')];
    withHint(
      () => this.#values.set(cpu, words, mode),
      'Is the queue of 1 to 16384 packets, and the program one for CPUs (SEC("xdp/cpumap"))?',
    );
  }

  get(cpu: number): FoundCpu | undefined {
    const value = this.#values.get(cpu);
    return value && foundCpu(value);
  }

  /** Ends the CPU's thread; packets that wait are lost. */
  delete(cpu: number): boolean {
    return this.#values.map.delete(cpu);
  }

  *entries(): Generator<[number, FoundCpu]> {
    for (const [cpu, value] of this.#values.entries()) {
      const found = foundCpu(value);
      if (found.queueSize !== 0) yield [cpu, found];
    }
  }

  [Symbol.iterator](): Generator<[number, FoundCpu]> {
    return this.entries();
  }
}

function foundCpu(value: DataView): FoundCpu {
  return { queueSize: wordAt(value, 0), programId: wordAt(value, 4) || undefined };
}

function programWord(values: RawValues<number>, { program }: ProgramHolder, struct: string): number[] {
  if (program === undefined) return [];
  if (values.valueSize >= 8) return [program.fd];
  throw new XdpkitError('USAGE', `map "${values.map.name}": its values of 4 bytes have no room for a program`, {
    hint: `Define it with __type(value, struct ${struct}).`,
  });
}

function withHint(run: () => void, hint: string): void {
  try {
    run();
  } catch (error) {
    if (!isErrno(error, 'EINVAL', 'EOVERFLOW')) throw error;
    throw new XdpkitError(error.code, error.message, { hint, cause: error });
  }
}
