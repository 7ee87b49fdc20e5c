import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { generator } from '../bytes/random.test.support.js';
import { type Fixture, fixture } from '../object/fixtures.test.support.js';
import { readObject } from '../object/read.js';
import { readBtf } from './btf.js';
import { typesOf } from './c/compare.test.support.js';
import { randomTypes } from './random.test.support.js';
import type { BtfType } from './types.js';
import { writeBtf } from './write.js';

for (const byteOrder of ['little', 'big'] as const) {
  test(`what is written is read again, ${byteOrder} endian`, () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const types = randomTypes(generator(seed), 60);
        const btf = readBtf(writeBtf(types, { byteOrder }), 'written');
        assert.equal(btf.byteOrder, byteOrder);
        assert.deepEqual(typesOf(btf), types);
      }),
    );
  });
}

test('split BTF goes on with the types and names of its base', () => {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const types = randomTypes(generator(seed), 80);
      const base = readBtf(writeBtf(types.slice(0, 40)), 'base');
      const split = readBtf(writeBtf(types.slice(40), { base }), 'split', base);
      assert.deepEqual(typesOf(split), types);
    }),
  );
});

for (const name of ['calls', 'btf-maps', 'legacy-maps'] satisfies Fixture[]) {
  test(`what is read of ${name} is written again`, () => {
    const { btf } = readObject(fixture(name), name);
    assert.ok(btf);
    const types = typesOf(btf);
    const bytes = writeBtf(types);
    assert.deepEqual(typesOf(readBtf(bytes, 'written')), types);
    // Strings of line information are not of types.
    assert.ok(bytes.length < btf.bytes.length);
  });
}

test('each string is written once', () => {
  const size = (count: number) =>
    writeBtf(Array.from({ length: count }, (): BtfType => ({ kind: 'typedef', name: 'a_long_name', type: 0 }))).length;
  assert.equal(size(2) - size(1), 12);
});

test('values that do not fit their fields are refused', () => {
  const struct = (bitOffset: number, bitSize: number): BtfType => ({
    kind: 'struct',
    name: 's',
    size: 4,
    members: [{ name: 'm', type: 1, bitOffset, bitSize }],
  });
  const refused: readonly [BtfType, RegExp][] = [
    [{ kind: 'void', name: '' }, /void is in every file/],
    [{ kind: 'typedef', name: 'x\0y', type: 1 }, /holds a NUL/],
    [{ kind: 'float', name: 'f', size: -1 }, /of float "f" is -1/],
    [struct(2 ** 24, 3), /bit offset of member "m" of struct "s" is 16777216/],
    [struct(0, 256), /width of member "m"/],
    [{ kind: 'enum', name: 'e', size: 4, signed: false, values: [{ name: 'A', value: -1n }] }, /A = -1 does not fit/],
    [
      { kind: 'function-prototype', name: '', returns: 0, parameters: Array(65536).fill({ name: '', type: 1 }) },
      /65536/,
    ],
  ];
  for (const [type, message] of refused) assert.throws(() => writeBtf([type]), { code: 'USAGE', message });
  assert.ok(writeBtf([struct(2 ** 24, 0)]));
});
