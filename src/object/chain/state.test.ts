import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { verdicts } from '../../packet/verdict.js';
import { type ChainState, decodeState, encodeState, stateSize } from './state.js';

const id = fc.integer({ min: 1, max: 0xffff_ffff });
const plain = { noNullPrototype: true } as const;
const someState: fc.Arbitrary<ChainState> = fc.record(
  {
    frags: fc.boolean(),
    counters: id,
    nextSlot: fc.nat(100),
    members: fc.array(
      fc.record(
        {
          name: fc.string(),
          program: fc.string(),
          slot: fc.nat(100),
          priority: fc.nat(),
          next: fc.subarray([...verdicts]),
          source: fc.string({ unit: 'grapheme' }),
          object: fc.uint8Array({ maxLength: 100 }),
          maps: fc.dictionary(fc.string(), id, plain),
        },
        plain,
      ),
      { maxLength: 5 },
    ),
  },
  plain,
);

test('what is written is read again, also with room behind it; the size holds for whatever ids', () => {
  fc.assert(
    fc.property(someState, fc.nat(20), (state, room) => {
      const bytes = encodeState(state);
      assert.ok(bytes.length <= stateSize(state));
      assert.deepEqual(decodeState(new Uint8Array([...bytes, ...new Uint8Array(room)])), state);
    }),
  );
});

test('anything else is refused, and only by errors of its own', () => {
  const [state] = fc.sample(
    someState.filter(({ members }) => members.length > 2),
    1,
  );
  const bytes = encodeState(state as ChainState);
  fc.assert(
    fc.property(
      fc.nat(bytes.length - 1),
      fc.integer({ min: 1, max: 255 }),
      fc.nat(bytes.length),
      (at, change, length) => {
        const damaged = bytes.slice();
        damaged[at] = (damaged[at] ?? 0) ^ change;
        for (const one of [damaged, bytes.subarray(0, length)]) {
          try {
            decodeState(one);
          } catch (error) {
            assert.match(String((error as { code?: string }).code), /^(MALFORMED|UNSUPPORTED)$/, String(error));
          }
        }
      },
    ),
    { numRuns: 2000 },
  );
});

test('a later version is told from damage', () => {
  const bytes = encodeState({ frags: false, counters: 1, nextSlot: 1, members: [] });
  bytes[8] = 2;
  assert.throws(() => decodeState(bytes), { code: 'UNSUPPORTED', message: /version 2/ });
  assert.throws(() => decodeState(new Uint8Array(3)), { code: 'MALFORMED' });
});
