import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { giveSlots } from './slots.js';

test('slots are given once, and counters move when there are no more', () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 120 }), (joins) => {
      let members: { readonly name: number; readonly slot: number }[] = [];
      let present: { readonly next: number; readonly capacity: number } | undefined;
      /** Who a slot of the present map has counted. */
      let owners = new Map<number, number>();
      for (const [name, join] of joins.entries()) {
        const wanted: { readonly name: number; readonly slot: number | undefined }[] =
          join || members.length < 2 ? [...members, { name, slot: undefined }] : members.slice(1);
        const given = giveSlots(
          wanted.map(({ slot }) => slot),
          present,
        );
        if (given.moved) {
          const before = owners;
          owners = new Map(
            [...given.moved].flatMap(([old, now]) => (before.has(old) ? [[now, before.get(old) ?? -1]] : [])),
          );
        }
        members = wanted.map((one, index) => ({ name: one.name, slot: given.members[index] ?? -1 }));
        assert.equal(new Set(members.map(({ slot }) => slot)).size, members.length);
        for (const { name, slot } of members) {
          assert.ok(slot >= 1 && slot < given.next && given.next <= given.capacity);
          assert.equal(owners.get(slot) ?? name, name, 'a slot has counted somebody else');
          owners.set(slot, name);
        }
        present = { next: given.next, capacity: given.capacity };
      }
    }),
  );
});
