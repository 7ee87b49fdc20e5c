import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fixture } from '../object/fixtures.test.support.js';
import { readObject } from '../object/read.js';
import type { Btf } from './btf.js';
import { mergeBtf } from './merge.js';

const parts = (['small', 'calls', 'btf-maps'] as const).map(
  (name) => readObject(fixture(name), name).btf ?? assert.fail(`${name} has no BTF`),
);

/** A type with its references as one would read them in a merged BTF. */
function shifted(btf: Btf, id: number, by: (id: number) => number): unknown {
  return JSON.parse(
    JSON.stringify(btf.type(id), (key, value) => {
      if (typeof value === 'bigint') return `${value}n`;
      return ['type', 'indexType', 'returns'].includes(key) ? by(value) : value;
    }),
  );
}

test('every type of every part is there, with its references shifted', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...parts), { minLength: 1, maxLength: 6 }), (chosen) => {
      const { btf, shifts } = mergeBtf(
        chosen.map((one) => ({ btf: one })),
        'test',
      );
      assert.equal(
        btf.count,
        chosen.reduce((sum, { count }) => sum + count - 1, 1),
      );
      for (const [index, part] of chosen.entries()) {
        const shift = shifts[index] ?? assert.fail();
        for (let id = 1; id < part.count; id++) {
          assert.equal(btf.kind(shift.type(id)), part.kind(id));
          assert.deepEqual(
            shifted(btf, shift.type(id), (one) => one),
            shifted(part, id, (one) => shift.type(one)),
          );
        }
      }
    }),
    { numRuns: 30 },
  );
});

test('strings of line information are found at their new place; void and the empty string stay', () => {
  const spec = readObject(fixture('calls'), 'calls');
  const { btf, shifts } = mergeBtf([{ btf: parts[0] as Btf }, { btf: spec.btf as Btf }], 'test');
  const shift = shifts[1] ?? assert.fail();
  const lines = spec.functions.flatMap((one) => one.lines);
  assert.ok(lines.length > 0);
  for (const { lineOffset } of lines) assert.equal(btf.string(shift.string(lineOffset)), spec.btf?.string(lineOffset));
  assert.deepEqual([shift.type(0), shift.string(0)], [0, 0]);
});

test('functions become static where that is asked for, and no others', () => {
  const [small, calls] = parts as [Btf, Btf];
  const functions = [...calls.idsOf('function')];
  const chosen = functions.filter((id) => {
    const type = calls.type(id);
    return type.kind === 'function' && type.linkage === 'global';
  });
  const [one, ...others] = chosen;
  assert.ok(one !== undefined && others.length > 0);
  const { btf, shifts } = mergeBtf([{ btf: small }, { btf: calls, staticFunctions: new Set([one]) }], 'test');
  const linkage = (id: number) => {
    const type = btf.type(shifts[1]?.type(id) ?? 0);
    return type.kind === 'function' ? type.linkage : undefined;
  };
  assert.equal(linkage(one), 'static');
  for (const other of others) assert.equal(linkage(other), 'global');
});

test('other byte order', () => {
  const foreign = readObject(fixture('small', { target: 'bpfeb' }), 'small').btf ?? assert.fail();
  const { btf, shifts } = mergeBtf([{ btf: foreign }, { btf: foreign }], 'test');
  assert.equal(btf.byteOrder, 'big');
  for (let id = 1; id < foreign.count; id++) {
    assert.deepEqual(
      shifted(btf, shifts[1]?.type(id) ?? 0, (one) => one),
      shifted(foreign, id, (one) => shifts[1]?.type(one) ?? 0),
    );
  }
});
