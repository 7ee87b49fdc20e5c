import { chainSlot } from '../object/chain/counters.js';
import type { RunConfig } from '../object/chain/run-config.js';
import { type DeviceReference, openDevice } from '../xdp/device.js';
import { type Occupant, readOccupant } from '../xdp/occupant.js';
import { readCounters, type VerdictCounter } from './counters.js';

export interface ReadMember extends RunConfig {
  readonly name: string;
  /** The C function's name. */
  readonly program: string;
  /** The path that its object was read from, when it joined. */
  readonly source: string;
  /** In the kernel, by their names in the member's object. */
  readonly maps: readonly { readonly name: string; readonly id: number }[];
  /** What it said since it joined; empty where the counters are gone. */
  readonly counters: readonly VerdictCounter[];
}

export interface ReadChain {
  readonly device: string;
  readonly ifindex: number;
  readonly occupant: Occupant;
  /** Of a chain of xdpkit, in the order in which they run; empty for anything else. */
  readonly members: readonly ReadMember[];
  /** What the chain answered in the end. */
  readonly counters: readonly VerdictCounter[];
}

/** What is on a device, and the members where it is a chain. Errors: `DEVICE_NOT_FOUND`, `NETNS_NOT_FOUND`. */
export function readChain(reference: DeviceReference): ReadChain {
  using device = openDevice(reference);
  const occupant = readOccupant(device);
  const common = { device: device.name, ifindex: device.ifindex, occupant };
  if (occupant.kind !== 'chain') return { ...common, members: [], counters: [] };
  const { state } = occupant;
  const countersOf = readCounters(state.counters) ?? (() => []);
  return {
    ...common,
    members: state.members.map(({ name, program, source, priority, next, maps, slot }) => ({
      name,
      program,
      source,
      priority,
      next,
      maps: Object.entries(maps).map(([own, id]) => ({ name: own, id })),
      counters: countersOf(slot),
    })),
    counters: countersOf(chainSlot),
  };
}
