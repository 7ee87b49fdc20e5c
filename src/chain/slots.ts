/** Which counters belong to whom. A slot is given once, so that nobody counts where another did. */
import { chainSlot } from '../object/chain/counters.js';

export interface Slots {
  /** By member, in the order of the list. */
  readonly members: readonly number[];
  readonly next: number;
  /** How many the map of counters has. */
  readonly capacity: number;
  /** From the old map's slots to a new one's, the chain's own among them; undefined where the map stays. */
  readonly moved: ReadonlyMap<number, number> | undefined;
}

const usualCapacity = 32;

/** `present`: the map there is; the slots of members that it does not count yet are undefined. */
export function giveSlots(
  members: readonly (number | undefined)[],
  present: { readonly next: number; readonly capacity: number } | undefined,
): Slots {
  const fresh = members.filter((slot) => slot === undefined).length;
  if (present && present.next + fresh <= present.capacity) {
    let { next } = present;
    return { members: members.map((slot) => slot ?? next++), next, capacity: present.capacity, moved: undefined };
  }
  const now = members.map((_, at) => chainSlot + 1 + at);
  const moved = members.flatMap((slot, at) => (slot === undefined ? [] : [[slot, now[at] ?? 0] as const]));
  const next = members.length + 1;
  return {
    members: now,
    next,
    capacity: Math.max(usualCapacity, next * 2),
    moved: present && new Map([[chainSlot, chainSlot], ...moved]),
  };
}
