/** What a program did to a packet. */

export interface ChangedBytes {
  /** In the packet afterwards. */
  readonly offset: number;
  /** As long as `after`, or empty where bytes are new. */
  readonly before: Uint8Array;
  readonly after: Uint8Array;
}

export interface PacketDifference {
  /** Bytes that were put in front; negative: that were taken off there. */
  readonly front: number;
  /** The same for the end. */
  readonly end: number;
  /** Runs of changed or new bytes, in order. */
  readonly changes: readonly ChangedBytes[];
}

/**
 * Compares a packet with what became of it. Where its length changed, the change is taken to be at the front or at the
 * end, whichever leaves fewer bytes different.
 */
export function comparePackets(before: Uint8Array, after: Uint8Array): PacketDifference {
  const grown = after.length - before.length;
  const front = grown !== 0 && countChanges(before, after, grown) < countChanges(before, after, 0) ? grown : 0;
  const changes: ChangedBytes[] = [];
  for (let offset = 0; offset < after.length; ) {
    let end = offset;
    const isNew = (at: number): boolean => before[at - front] === undefined;
    const fresh = isNew(offset);
    while (end < after.length && isNew(end) === fresh && after[end] !== before[end - front]) end += 1;
    if (end > offset) {
      const old = fresh ? new Uint8Array() : before.slice(offset - front, end - front);
      changes.push({ offset, before: old, after: after.slice(offset, end) });
    }
    offset = Math.max(end, offset + 1);
  }
  return { front, end: grown - front, changes };
}

function countChanges(before: Uint8Array, after: Uint8Array, front: number): number {
  let count = 0;
  for (let at = 0; at < after.length; at += 1) if (after[at] !== before[at - front]) count += 1;
  return count;
}
