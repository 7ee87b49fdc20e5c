/**
 * What libxdp's dispatcher is set up with: the value of its one map, which is frozen. Source: xdp-tools
 * `lib/libxdp/protocol.org` and `headers/xdp/prog_dispatcher.h`, whose protocol has had three versions.
 */
import { type Verdict, verdicts } from '../packet/verdict.js';

export interface DispatcherConfig {
  /** Of the protocol. */
  readonly version: number;
  /** It takes packets in several buffers; so since version 2. */
  readonly frags: boolean;
  /** It is bound to its device, for the metadata of its packets; so since version 3. */
  readonly deviceBound: boolean;
  /** In the order in which they run; undefined for a version that is not known here. */
  readonly members: readonly DispatcherSlot[] | undefined;
}

export interface DispatcherSlot {
  readonly priority: number;
  /** After these verdicts the next one runs; any other is the dispatcher's. */
  readonly next: readonly Verdict[];
  /** The member takes packets in several buffers. */
  readonly frags: boolean;
}

const magic = 236;
const mostMembers = 10;
const hasFrags = 1 << 5;

interface Layout {
  /** Bytes. */
  readonly size: number;
  readonly count: number;
  readonly frags: number | undefined;
  readonly actions: number;
  readonly priorities: number;
  readonly flags: number | undefined;
  readonly deviceBound: number | undefined;
}

/** By version: offsets into the value. Actions, priorities and flags are 32 bits for each of ten members. */
const layouts: Readonly<Record<number, Layout>> = {
  1: { size: 84, count: 0, frags: undefined, actions: 4, priorities: 44, flags: undefined, deviceBound: undefined },
  2: { size: 124, count: 2, frags: 3, actions: 4, priorities: 44, flags: 84, deviceBound: undefined },
  3: { size: 128, count: 2, frags: 3, actions: 4, priorities: 44, flags: 84, deviceBound: 124 },
};

/** Undefined for what cannot be a dispatcher's. The first version begins with its count, later ones with a magic byte. */
export function decodeDispatcherConfig(value: Uint8Array, littleEndian: boolean): DispatcherConfig | undefined {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  const [first, second] = value;
  if (first === undefined || second === undefined) return undefined;
  const version = first === magic ? second : 1;
  const layout = layouts[version];
  if (layout === undefined) return { version, frags: false, deviceBound: false, members: undefined };
  const count = value[layout.count] ?? 0;
  if (value.length < layout.size || count > mostMembers) return undefined;
  const word = (at: number, index: number): number => view.getUint32(at + index * 4, littleEndian);
  const isSet = (at: number | undefined): boolean => at !== undefined && value[at] !== 0;
  return {
    version,
    frags: isSet(layout.frags),
    deviceBound: isSet(layout.deviceBound),
    members: Array.from({ length: count }, (_, index) => ({
      priority: word(layout.priorities, index),
      // Bit 31 is for a slot whose function is not replaced.
      next: verdicts.filter((_, verdict) => (word(layout.actions, index) & (1 << verdict)) !== 0),
      frags: layout.flags !== undefined && (word(layout.flags, index) & hasFrags) !== 0,
    })),
  };
}
