/** Walks over maps that behave as the kernel's and change under the reader's feet. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hostIsLittleEndian } from '../bytes/byte-order.js';
import { walk } from './map-walk.js';
import { followsInTrie } from './prefix-order.js';

const keyOf = (number: number): Uint8Array => Uint8Array.of(number >> 8, number);
const numberOf = (key: Uint8Array): number => ((key[0] as number) << 8) | (key[1] as number);

/** As a hash of the kernel: an order of its own, and a new beginning behind a key that is gone. */
class FakeMap {
  readonly type = 'hash';
  readonly keys: number[];
  readonly before: (map: FakeMap) => void;
  calls = 0;

  constructor(keys: readonly number[], before: (map: FakeMap) => void) {
    this.keys = [...keys];
    this.before = before;
  }

  keyAfter(key: Uint8Array | undefined): Uint8Array | undefined {
    this.calls += 1;
    this.before(this);
    const at = key === undefined ? -1 : this.keys.indexOf(numberOf(key));
    const next = this.keys[at + 1];
    return next === undefined ? undefined : keyOf(next);
  }

  valueAt(key: Uint8Array): Uint8Array | undefined {
    this.before(this);
    return this.keys.includes(numberOf(key)) ? key : undefined;
  }

  delete(number: number): void {
    const at = this.keys.indexOf(number);
    if (at !== -1) this.keys.splice(at, 1);
  }
}

const distinct = fc.uniqueArray(fc.nat(400), { minLength: 1, maxLength: 60 });

test('what stays in a hash is shown once, whatever goes in between', () => {
  fc.assert(
    fc.property(distinct, fc.array(fc.nat(8), { maxLength: 400 }), fc.boolean(), (keys, moments, ownDeletes) => {
      const staying = new Set(keys.filter((key) => key % 3 === 0));
      let at = 0;
      const map = new FakeMap(keys, (self) => {
        const moment = moments[at++];
        const going = self.keys.filter((key) => !staying.has(key));
        if (moment !== undefined && moment < going.length) self.delete(going[moment] as number);
      });
      const seen: number[] = [];
      for (const { keys: key } of walk(map)) {
        seen.push(numberOf(key));
        if (ownDeletes && !staying.has(numberOf(key))) map.delete(numberOf(key));
      }
      assert.equal(new Set(seen).size, seen.length, 'nothing twice');
      for (const key of staying) assert.ok(seen.includes(key), `${key} was lost`);
      assert.ok(map.calls < 200_000);
    }),
  );
});

test('a reader that deletes the next entries too sees the rest', () => {
  const map = new FakeMap([1, 2, 3, 4, 5, 6, 7, 8], () => {});
  const seen: number[] = [];
  for (const { keys } of walk(map)) {
    const number = numberOf(keys);
    seen.push(number);
    if (number === 3) for (const each of [1, 2, 3, 4, 5]) map.delete(each);
  }
  assert.deepEqual(seen, [1, 2, 3, 6, 7, 8]);
});

test('a key that was gone for a moment makes nothing come twice', () => {
  let calls = 0;
  const map = new FakeMap([1, 2, 3], (self) => {
    calls += 1;
    // Away when the kernel is asked what follows it, back when its value is read.
    if (calls === 4) self.delete(2);
    if (calls === 5) self.keys.splice(1, 0, 2);
  });
  assert.deepEqual(
    [...walk(map)].map(({ keys }) => numberOf(keys)),
    [1, 2, 3],
  );
});

test('entries of an array that hold nothing are no keys that have gone', () => {
  const map = { type: 'prog_array', keyAfter: indexAfter, valueAt: odd };
  assert.deepEqual(
    [...walk(map)].map(({ keys }) => numberOf(keys)),
    [1, 3, 5],
  );
});

const indexAfter = (key: Uint8Array | undefined) => {
  const next = key === undefined ? 0 : numberOf(key) + 1;
  return next < 6 ? keyOf(next) : undefined;
};
const odd = (key: Uint8Array) => (numberOf(key) % 2 === 1 ? key : undefined);

interface Prefix {
  readonly length: number;
  readonly bits: number;
}

/** A raw key of a trie over addresses of 12 bits in two bytes. */
function rawPrefix({ length, bits }: Prefix): Uint8Array {
  const key = new Uint8Array(6);
  new DataView(key.buffer).setUint32(0, length, hostIsLittleEndian);
  new DataView(key.buffer).setUint16(4, bits << 4);
  return key;
}

const text = ({ length, bits }: Prefix): string => bits.toString(2).padStart(12, '0').slice(0, length);

test('the order of a trie: a prefix behind those that it covers, else by bits', () => {
  const prefix = fc.record({ length: fc.nat(12), bits: fc.nat(4095) });
  fc.assert(
    fc.property(prefix, prefix, (one, other) => {
      const [a, b] = [text(one), text(other)];
      const expected = a === b ? false : a.startsWith(b) ? false : b.startsWith(a) ? true : a > b;
      assert.equal(followsInTrie(rawPrefix(one), rawPrefix(other)), expected, `${a} behind ${b}`);
    }),
  );
});
