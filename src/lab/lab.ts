import { XdpkitError } from '../errors/error.js';
import { openNetns } from '../linux/named-netns.js';
import { getDevice } from '../linux/netlink/route/link.js';
import type { NetworkNamespace } from '../linux/network-namespace.js';
import { addressesOf, findProblems, labDevice } from './host.js';
import { checkLabName, netnsNameOf, type Side, sides } from './lab-name.js';
import { type LabState, labNotFound, readLabState, readLabStates } from './lab-state.js';
import { isAlive } from './maker.js';
import { takeLabDown } from './remove.js';

/** One end of a lab. */
export interface LabHost {
  readonly side: Side;
  /** The name of its network namespace, as `ip netns` lists it: `NAME-left`. */
  readonly name: string;
  readonly netns: NetworkNamespace;
  readonly device: 'veth0';
  readonly ifindex: number;
  /** As the kernel chose it, `7a:…`. */
  readonly mac: string;
  readonly ipv4: string;
  readonly ipv6: string;
}

/** A lab that is up. Disposing it closes its descriptors, and takes a temporary lab down. */
export class Lab {
  readonly name: string;
  readonly temporary: boolean;
  readonly hosts: Readonly<Record<Side, LabHost>>;

  constructor(name: string, temporary: boolean, hosts: Readonly<Record<Side, LabHost>>) {
    this.name = name;
    this.temporary = temporary;
    this.hosts = hosts;
  }

  close(): void {
    for (const { netns } of Object.values(this.hosts)) netns.close();
  }

  [Symbol.dispose](): void {
    this.close();
    // Somebody may have taken it down by hand.
    if (this.temporary) takeLabDown(this.name);
  }
}

/** Opens a lab that is up. Throws `LAB_NOT_FOUND`, or `LAB_BROKEN` with what is the matter. */
export function openLab(name: string): Lab {
  checkLabName(name);
  const state = readLabState(name);
  if (state === undefined) throw labNotFound(name);
  const problems = findProblems(state);
  if (problems.length > 0) {
    throw new XdpkitError('LAB_BROKEN', `lab ${name} cannot be used: ${problems.join('; ')}`, {
      hint: `\`xdpkit lab up ${name}\` repairs it, \`xdpkit lab down ${name}\` removes what is left.`,
    });
  }
  return openHosts(state);
}

export function openHosts(state: LabState): Lab {
  const opened: NetworkNamespace[] = [];
  try {
    const [left, right] = sides.map((side): LabHost => {
      const name = netnsNameOf(state.name, side);
      const netns = openNetns(name);
      opened.push(netns);
      using route = netns.openNetlink();
      const { index, address = '' } = getDevice(route, labDevice);
      const { ipv4, ipv6 } = addressesOf(state.prefixes, side);
      return { side, name, netns, device: labDevice, ifindex: index, mac: address, ipv4, ipv6 };
    }) as [LabHost, LabHost];
    return new Lab(state.name, state.temporary, { left, right });
  } catch (error) {
    for (const netns of opened) netns.close();
    throw error;
  }
}

export interface LabSummary {
  readonly name: string;
  readonly temporary: boolean;
  /** `unknown` where this process may not enter its network namespaces, which takes CAP_SYS_ADMIN. */
  readonly state: 'ready' | 'broken' | 'unknown';
  /** What is the matter with a broken one, or why it could not be looked at. */
  readonly problems: readonly string[];
  /** Names of its network namespaces. */
  readonly hosts: readonly string[];
  /** Bytes; undefined, as the maker's id is, where the lab's record cannot be read. */
  readonly mtu: number | undefined;
  readonly maker: { readonly pid: number | undefined; readonly alive: boolean };
}

/** Every lab of this machine, by name. */
export function listLabs(): LabSummary[] {
  return readLabStates().map(({ name, state }) => {
    const hosts = sides.map((side) => netnsNameOf(name, side));
    if (state instanceof XdpkitError) {
      const unknown = { temporary: false, mtu: undefined, maker: { pid: undefined, alive: false } };
      return { name, state: 'broken', problems: [state.message], hosts, ...unknown };
    }
    const { temporary, mtu, maker } = state;
    return {
      name,
      temporary,
      ...lookAt(state),
      hosts,
      mtu,
      maker: { pid: maker.pid, alive: isAlive(maker) },
    };
  });
}

function lookAt(lab: LabState): Pick<LabSummary, 'state' | 'problems'> {
  try {
    const problems = findProblems(lab);
    return { state: problems.length === 0 ? 'ready' : 'broken', problems };
  } catch (error) {
    if (!(error instanceof XdpkitError) || error.code !== 'NOT_PERMITTED') throw error;
    return { state: 'unknown', problems: [error.message] };
  }
}
