/** From the members that a device shall have to one program on it, in one atomic swap. */
import { XdpkitError } from '../errors/error.js';
import type { Degradation } from '../kernel/degradation.js';
import { openById } from '../kernel/iterate.js';
import type { BpfMap } from '../kernel/map.js';
import { adoptMap, openMapById } from '../kernel/map-create.js';
import { VerifierError } from '../kernel/verifier-error.js';
import { readDriver } from '../linux/ethtool.js';
import { kernelOlderThan } from '../linux/kernel-release.js';
import type { LoadedObject } from '../loader/loaded.js';
import { OpenedObject } from '../loader/open.js';
import { countersName, countersPerSlot } from '../object/chain/counters.js';
import { describeStack } from '../object/chain/limits.js';
import {
  chainProgramName,
  type LinkedChain,
  linkChain,
  type PlacedMember,
  stateMapName,
} from '../object/chain/link-chain.js';
import type { RunConfig } from '../object/chain/run-config.js';
import { type ChainState, encodeState, type MemberState, stateSize } from '../object/chain/state.js';
import type { Attachment } from '../xdp/attachment.js';
import type { DeviceHandle, DeviceReference } from '../xdp/device.js';
import type { XdpMode, XdpModeChoice } from '../xdp/mode.js';
import type { Occupant } from '../xdp/occupant.js';
import { type HeldArrays, holdProgramArrays } from '../xdp/program-arrays.js';
import { replaceXdp } from '../xdp/replace.js';
import { type TakenLink, takeOver } from '../xdp/take-over.js';
import { copyCounters } from './counters.js';
import { fragsOfKeptArrays } from './kept-arrays.js';
import { linkable, type WantedMember } from './member.js';
import { giveSlots } from './slots.js';

export interface PutOnOptions {
  /** Of a device that has no program yet; `auto` unless given. */
  readonly mode?: XdpModeChoice | undefined;
  /** Ask the verifier, and leave everything as it is. */
  readonly dryRun?: boolean | undefined;
}

/** `takesOver`: the program must not end with the process that holds it. */
type PutOnPlan = PutOnOptions & { readonly takesOver?: boolean };

export interface ChangedMember extends RunConfig {
  readonly name: string;
  readonly source: string;
  /** `replaced`: it is the new version of a member. */
  readonly status: 'stayed' | 'joined' | 'replaced';
  /** In the kernel, by their names in the member's object. */
  readonly maps: readonly { readonly name: string; readonly id: number; readonly kept: boolean }[];
}

export interface ChangedChain {
  readonly device: string;
  readonly ifindex: number;
  /** As the driver tells it, `veth`. */
  readonly driver: string | undefined;
  /** In the order in which they run. */
  readonly members: readonly ChangedMember[];
  /** Members that take packets in several buffers, which the chain does not, as others of it do not. */
  readonly fragsLost: readonly string[];
  /** What was done without, as the kernel does not know it. */
  readonly degraded: readonly Degradation[];
  readonly before: Attachment | undefined;
  readonly program: { readonly name: string; readonly id: number };
  /** Undefined for a dry run. */
  readonly attached:
    | {
        readonly mode: XdpMode;
        readonly fallback: string | undefined;
        readonly heldBy: 'link' | 'netlink';
        readonly pinnedAt: string | undefined;
      }
    | undefined;
}

/**
 * Links, loads and attaches; where a step fails the device stays as it is. Errors: those of `linkChain`, `load`,
 * `attachXdp` and `replaceXdp`, among them ATTACH_CHANGED for who comes second, CHAIN_LIMIT.
 */
export function putOn(
  device: DeviceHandle,
  { device: name, netns }: DeviceReference,
  occupant: Occupant,
  wanted: readonly WantedMember[],
  options: PutOnPlan,
): ChangedChain {
  const before = occupant.kind === 'none' ? undefined : occupant.attachment;
  const present = occupant.kind === 'chain' ? occupant.state : undefined;
  if (before && options.mode !== undefined && options.mode !== 'auto' && options.mode !== before.mode) {
    const hint =
      'A change of the chain keeps its mode. To change that, take all off with `xdpkit detach` and begin anew.';
    throw new XdpkitError('USAGE', `${device.what} runs its program in ${before.mode} mode, not ${options.mode}`, {
      hint,
    });
  }
  using counters = present && openMapById(present.counters);
  const slots = giveSlots(
    wanted.map(({ slot }) => slot),
    present && counters && { next: present.nextSlot, capacity: counters.definition.maxEntries / countersPerSlot },
  );
  const members = wanted.map((member, index) => linkable(member, slots.members[index] ?? 0));
  const chain = linkChain(members, {
    frags: fragsOfKeptArrays(occupant, wanted, members),
    slots: slots.capacity,
    stateSize: (placed) =>
      stateSize({ ...stateOf(placed, wanted, { counters: 0, map: () => 0 }), frags: false, nextSlot: slots.next }),
  });
  requireTailCalls(chain);
  using kept = keepMaps(chain, wanted, slots.moved ? undefined : present?.counters);
  using loaded = load(chain, kept.maps);
  let arrays: HeldArrays | undefined;
  let taken: TakenLink | undefined;
  try {
    const program = loaded.program(chainProgramName);
    const idOf = (map: string): number => loaded.map(map).info().id;
    const ids = { counters: idOf(countersName), map: idOf };
    const state = { ...stateOf(chain.members, wanted, ids), frags: chain.frags, nextSlot: slots.next };
    const isNew = (member: string): boolean => wanted.some((one) => one.name === member && one.spec !== undefined);
    const common = {
      device: device.name,
      ifindex: device.ifindex,
      driver: device.run(() => readDriver(device.name))?.driver,
      members: state.members.map((member, index) =>
        describeMember(member, chain.members[index], kept.maps, present, isNew),
      ),
      fragsLost: chain.fragsLost,
      degraded: loaded.degraded,
      before,
      program: { name: program.name, id: program.id },
    };
    if (options.dryRun) {
      loaded.removeNewPins();
      return { ...common, attached: undefined };
    }
    if (slots.moved && counters) copyCounters(counters, loaded.map(countersName), slots.moved);
    keepState(loaded, state);
    taken = before && options.takesOver ? takeOver(device, before) : undefined;
    arrays = holdProgramArrays(device, loaded.maps.values(), taken ? undefined : before);
    if (before === undefined) {
      using link = program.attachXdp({ device: name, netns, mode: options.mode, pin: true });
      const { mode, fallback, heldBy, pinnedAt } = link;
      arrays.settle();
      return { ...common, attached: { mode, fallback, heldBy, pinnedAt } };
    }
    const { mode, programId: expected } = before;
    const { heldBy, pinnedAt } = replaceXdp(program, { device: name, netns, mode, expected });
    arrays.settle();
    return { ...common, attached: { mode, fallback: undefined, heldBy, pinnedAt: taken?.pinnedAt ?? pinnedAt } };
  } catch (error) {
    arrays?.undo();
    taken?.undo();
    loaded.removeNewPins();
    throw explainMtu(error, chain);
  }
}

/** The state has the order in which the members run. */
function stateOf(
  placed: readonly PlacedMember[],
  wanted: readonly WantedMember[],
  ids: { readonly counters: number; readonly map: (name: string) => number },
): Pick<ChainState, 'counters' | 'members'> {
  const members = placed.map(({ name, slot, maps }): MemberState => {
    const { spec, ...member } = wanted.find((one) => one.name === name) as WantedMember;
    return { ...member, slot, maps: Object.fromEntries([...maps].map(([own, place]) => [own, ids.map(place)])) };
  });
  return { counters: ids.counters, members };
}

function describeMember(
  { name, priority, next, source, maps }: MemberState,
  placed: PlacedMember | undefined,
  kept: ReadonlyMap<string, BpfMap>,
  present: ChainState | undefined,
  isNew: (name: string) => boolean,
): ChangedMember {
  const isKept = (own: string): boolean => kept.has(placed?.maps.get(own) ?? '');
  return {
    name,
    priority,
    next,
    source,
    status: !present?.members.some((one) => one.name === name) ? 'joined' : isNew(name) ? 'replaced' : 'stayed',
    maps: Object.entries(maps).map(([own, id]) => ({ name: own, id, kept: isKept(own) })),
  };
}

interface Kept extends Disposable {
  readonly maps: ReadonlyMap<string, BpfMap>;
}

/** The maps that members have in the kernel, and the counters, by their names in the chain. */
function keepMaps({ spec, members }: LinkedChain, wanted: readonly WantedMember[], counters: number | undefined): Kept {
  const maps = new Map<string, BpfMap>();
  const close = (): void => {
    for (const map of maps.values()) map[Symbol.dispose]();
  };
  const keep = (place: string, id: number | undefined): void => {
    const declared = spec.maps.find((map) => map.name === place);
    const fd = id === undefined || declared === undefined || maps.has(place) ? undefined : openById('map', id);
    if (fd && declared) maps.set(place, adoptMap(fd, declared, spec.btf));
  };
  try {
    keep(countersName, counters);
    for (const { name, maps: places } of members) {
      const ids = wanted.find((one) => one.name === name)?.maps ?? {};
      for (const [own, place] of places) keep(place, ids[own]);
    }
  } catch (error) {
    close();
    throw error;
  }
  return { maps, [Symbol.dispose]: close };
}

/** What the verifier says of the stack of a chain is told with what each member takes of it. */
function load(chain: LinkedChain, maps: ReadonlyMap<string, BpfMap>): LoadedObject {
  // What a map that is there holds is not filled in anew: it may have been changed since.
  const spec = {
    ...chain.spec,
    maps: chain.spec.maps.map((map) => (maps.has(map.name) ? { ...map, contents: [] } : map)),
  };
  try {
    return new OpenedObject(spec).load({ programs: [chainProgramName], maps });
  } catch (error) {
    if (!(error instanceof VerifierError) || !/stack size of|stack of previous frames/.test(error.log ?? ''))
      throw error;
    throw new XdpkitError('CHAIN_LIMIT', `the chain takes more stack than this kernel allows: ${error.message}`, {
      hint: `Of ${describeStack(chain.members)}, and older kernels round each function up to 32 bytes.`,
      log: error.log,
      cause: error,
    });
  }
}

/** What one member cannot take, the chain cannot. */
function explainMtu(error: unknown, { fragsLost, members }: LinkedChain): unknown {
  if (!(error instanceof XdpkitError) || error.code !== 'MTU_TOO_LARGE' || fragsLost.length === 0) return error;
  const others = members.filter(({ name }) => !fragsLost.includes(name)).map(({ name }) => name);
  const mend =
    others.length > 0
      ? `compile ${others.join(', ')} with SEC("xdp.frags"), as ${fragsLost.join(', ')} was`
      : 'these would, but a program array of theirs began in a chain that did not: take its member out and add it again';
  return new XdpkitError('MTU_TOO_LARGE', error.message, {
    hint: `A chain takes packets in several buffers where all its members do: ${mend}, or lower the MTU.`,
    cause: error,
  });
}

/** Written once, and never again by anybody: what the chain is made of does not change while it runs. */
function keepState(loaded: LoadedObject, state: ChainState): void {
  const map = loaded.map(stateMapName);
  const bytes = new Uint8Array(map.definition.valueSize);
  bytes.set(encodeState(state));
  map.setBytes(new Uint8Array(4), bytes);
  map.freeze();
}

function requireTailCalls({ members }: LinkedChain): void {
  const since = process.arch === 'arm64' ? '6.0' : '5.10';
  const jumping = members.find(({ stack }) => stack.tailCalls.length > 0);
  if (jumping === undefined || !kernelOlderThan(since)) return;
  throw new XdpkitError(
    'UNSUPPORTED',
    `"${jumping.name}" calls bpf_tail_call in ${jumping.stack.tailCalls[0]?.function}, which members of a chain may since Linux ${since}`,
  );
}
