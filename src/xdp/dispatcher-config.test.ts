import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { OpenedObject } from '../loader/open.js';
import { verdicts } from '../packet/verdict.js';
import { configure, openDispatcher, versions } from './dispatcher.test.support.js';
import { decodeDispatcherConfig } from './dispatcher-config.js';

const slot = fc.record({
  priority: fc.integer({ min: 0, max: 0xffff_ffff }),
  next: fc.subarray([...verdicts]),
  frags: fc.boolean(),
});

function rodataOf({ spec }: OpenedObject): Uint8Array {
  const value = spec.maps.find(({ name }) => name === '.rodata')?.initialValue;
  assert.ok(value);
  return value;
}

for (const version of versions) {
  test(`version ${version} as the compiler lays it out`, () => {
    const object = openDispatcher(version);
    assert.equal(rodataOf(object).length, [0, 84, 124, 128][version]);
    fc.assert(
      fc.property(fc.array(slot, { maxLength: 10 }), (slots) => {
        configure(object, version, slots);
        assert.deepEqual(decodeDispatcherConfig(rodataOf(object), true), {
          version,
          frags: version > 1 && slots.some(({ frags }) => frags),
          deviceBound: version > 2,
          members: slots.map((each) => ({ ...each, frags: version > 1 && each.frags })),
        });
      }),
    );
  });
}

test('a version to come is told as such, and what is cut off or counts too far is none', () => {
  const later = new Uint8Array(200);
  later.set([236, 4, 1]);
  assert.deepEqual(decodeDispatcherConfig(later, true), {
    version: 4,
    frags: false,
    deviceBound: false,
    members: undefined,
  });
  assert.equal(decodeDispatcherConfig(new Uint8Array(), true), undefined);
  for (const version of versions) {
    const object = openDispatcher(version);
    configure(object, version, [{ priority: 1, next: [] }]);
    const value = rodataOf(object);
    assert.equal(decodeDispatcherConfig(value.subarray(0, version === 1 ? 80 : value.length - 4), true), undefined);
    const tooMany = value.slice();
    tooMany[version === 1 ? 0 : 2] = 11;
    assert.equal(decodeDispatcherConfig(tooMany, true), undefined);
  }
});
