import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diagnose, refusalKinds } from './diagnose.js';
import { words } from './words.test.support.js';

const code = { name: 'p', type: 'xdp', license: 'GPL', size: 2, lines: [], functions: [] };

for (const [release, reason, kind] of words) {
  test(`Linux ${release}: ${reason}`, () => {
    const told = diagnose(`0: R1=ctx() R10=fp0\n0: (71) r0 = *(u8 *)(r1 +3)\n${reason}\nprocessed 1 insns\n`, code);
    assert.equal(told.kind, kind);
    assert.ok(told.mend);
    assert.doesNotMatch(`${told.what} ${told.mend}`, /\bundefined(?! behaviour)|NaN/);
  });
}

test('every kind has words of a kernel', () => {
  const told = new Set(words.map(([, , kind]) => kind));
  assert.deepEqual(
    refusalKinds.filter((kind) => !told.has(kind)),
    ['program-size'],
  );
});
