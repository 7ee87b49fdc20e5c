import { XdpkitError } from '../errors/error.js';
import { parsePrefix } from '../packet/prefix.js';
import {
  addressesOf,
  awaitReady,
  configureHost,
  ensureNamespace,
  ensureVethPair,
  findProblems,
  lookAtNamespace,
} from './host.js';
import { type Lab, openHosts } from './lab.js';
import { checkLabName, netnsNameOf, randomLabName, type Side, sides } from './lab-name.js';
import { type LabPrefixes, type LabState, lockLabs, readLabState, writeLabState } from './lab-state.js';
import { currentBootId, thisProcess } from './maker.js';
import { removeLab, removePins } from './remove.js';

export interface LabOptions {
  /** `lab-` and eight random digits when left out. */
  readonly name?: string | undefined;
  /** Bytes, of both devices; 1500 when left out. */
  readonly mtu?: number | undefined;
  /** `10.11.1.0/24` when left out; the hosts get `.1` and `.2`. */
  readonly ipv4Prefix?: string | undefined;
  /** `fc00:dead:cafe:1::/64` when left out; the hosts get `::1` and `::2`. */
  readonly ipv6Prefix?: string | undefined;
  /** Goes with this process: by disposing the `Lab`, or by the next `sweepLabs` after a crash. */
  readonly temporary?: boolean | undefined;
}

/**
 * Makes a lab: network namespaces `NAME-left` and `NAME-right`, each with a `veth0`, connected and ready for IPv4 and
 * IPv6 when this returns. A lab of that name that is half-made or damaged is made whole with what it was first asked
 * for. Throws `LAB_EXISTS` where it is whole, or where a namespace of that name belongs to somebody else; what was
 * begun is then removed. Needs CAP_SYS_ADMIN and CAP_NET_ADMIN.
 */
export function labUp(options: LabOptions = {}): Lab {
  const { name = randomLabName() } = options;
  checkLabName(name);
  checkNumbers(options);
  using _lock = lockLabs();
  const before = readLabState(name);
  if (before) return repair(before);
  const state: LabState = {
    version: 1,
    name,
    topology: 'pair',
    temporary: options.temporary ?? false,
    maker: thisProcess(),
    mtu: options.mtu ?? 1500,
    prefixes: { ipv4: options.ipv4Prefix ?? '10.11.1.0/24', ipv6: options.ipv6Prefix ?? 'fc00:dead:cafe:1::/64' },
    namespaces: {},
    finished: false,
  };
  refuseForeign(state, 'LAB_EXISTS');
  try {
    return build(state);
  } catch (error) {
    const made = readLabState(name);
    if (made) removeLab(made);
    throw error;
  }
}

function repair(state: LabState): Lab {
  const problems = findProblems(state);
  if (problems.length === 0) {
    throw new XdpkitError('LAB_EXISTS', `lab ${state.name} is up already`, {
      hint: `Use it as it is, choose another name, or remove it with \`xdpkit lab down ${state.name}\`.`,
    });
  }
  refuseForeign(state, 'LAB_BROKEN');
  return build({ ...state, maker: thisProcess(), finished: false });
}

function refuseForeign(state: LabState, code: 'LAB_EXISTS' | 'LAB_BROKEN'): void {
  for (const side of sides) {
    if (lookAtNamespace(state, side) !== 'foreign') continue;
    const name = netnsNameOf(state.name, side);
    throw new XdpkitError(code, `lab ${state.name}: the network namespace ${name} exists and was not made by xdpkit`, {
      hint: `Choose another name for the lab, or remove the namespace with \`ip netns delete ${name}\`.`,
    });
  }
}

function build(begun: LabState): Lab {
  let state = begun;
  const save = (change: Partial<LabState>): void => {
    state = { ...state, ...change };
    writeLabState(state);
  };
  save({});
  const ensure = (side: Side) =>
    ensureNamespace(state, side, ({ cookie }) => {
      // Of a namespace that was there before and has vanished.
      removePins(state, side);
      const identity = { cookie: String(cookie), bootId: currentBootId() };
      save({ namespaces: { ...state.namespaces, [side]: identity } });
    });
  {
    using left = ensure('left');
    using right = ensure('right');
    ensureVethPair(left, right, state.mtu);
    configureHost(left, addressesOf(state.prefixes, 'left'), state.mtu);
    configureHost(right, addressesOf(state.prefixes, 'right'), state.mtu);
    awaitReady(left);
    awaitReady(right);
  }
  save({ finished: true });
  return openHosts(state);
}

function checkNumbers({ mtu, ipv4Prefix, ipv6Prefix }: LabOptions): void {
  // IPv6 needs links of 1280 bytes (RFC 8200, section 5).
  if (mtu !== undefined && !(Number.isInteger(mtu) && mtu >= 1280 && mtu <= 65_535)) {
    throw new XdpkitError('USAGE', `a lab's MTU must be 1280 to 65535 bytes, not ${mtu}`);
  }
  checkPrefix(ipv4Prefix, 4, 30);
  checkPrefix(ipv6Prefix, 16, 126);
}

function checkPrefix(text: LabPrefixes['ipv4'] | undefined, size: number, longest: number): void {
  if (text === undefined) return;
  const { bytes, length } = parsePrefix(text);
  if (bytes.length === size && length <= longest) return;
  throw new XdpkitError('USAGE', `${text} cannot be a lab's IPv${size === 4 ? 4 : 6} prefix`, {
    hint: `It must be an IPv${size === 4 ? 4 : 6} prefix of at most ${longest} bits, with room for two hosts.`,
  });
}
