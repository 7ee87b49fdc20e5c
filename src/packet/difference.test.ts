import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { comparePackets, type PacketDifference } from './difference.js';

function apply(before: Uint8Array, { front, end, changes }: PacketDifference): Uint8Array {
  const after = new Uint8Array(before.length + front + end);
  for (let at = 0; at < after.length; at += 1) after[at] = before[at - front] ?? 0;
  for (const change of changes) after.set(change.after, change.offset);
  return after;
}

const bytes = fc.uint8Array({ maxLength: 40, max: 3 });

test('the difference makes the packet afterwards of the one before', () => {
  fc.assert(
    fc.property(bytes, bytes, (before, after) => {
      const difference = comparePackets(before, after);
      assert.deepEqual(apply(before, difference), after);
      for (const { offset, before: old, after: now } of difference.changes) {
        if (old.length === 0) continue;
        assert.deepEqual(old, before.slice(offset - difference.front, offset - difference.front + now.length));
        for (const [index, byte] of old.entries()) assert.notEqual(byte, now[index]);
      }
    }),
    { numRuns: 2000 },
  );
});

test('a change of length is found where it happened', () => {
  const packet = Uint8Array.from({ length: 30 }, (_, index) => index + 1);
  const none = { front: 0, end: 0, changes: [] };
  assert.deepEqual(comparePackets(packet, packet), none);
  assert.deepEqual(comparePackets(packet, packet.slice(4)), { ...none, front: -4 });
  assert.deepEqual(comparePackets(packet, packet.slice(0, 20)), { ...none, end: -10 });
  const pushed = comparePackets(packet, Uint8Array.from([9, 9, ...packet]));
  const fresh = { offset: 0, before: new Uint8Array(), after: Uint8Array.of(9, 9) };
  assert.deepEqual(pushed, { front: 2, end: 0, changes: [fresh] });
});
