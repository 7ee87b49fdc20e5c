/** What we read from BTF is what bpftool reads from it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { readElf } from '../elf/elf.js';
import { ask, type Fixture, fixture, fixturePath } from '../object/fixtures.test.support.js';
import { type Btf, readBtf } from './btf.js';
import { type RawType, rawLines, rawType } from './raw.js';

/** bpftool extends the sign of 32-bit values, of unsigned enums too; JSON numbers are inexact beyond 2^53. */
function asBpftool(row: RawType): unknown {
  if (!Array.isArray(row.values)) return row;
  const widen = row.kind === 'ENUM' && row.encoding === 'UNSIGNED';
  const shown = (value: bigint) => Number(widen ? BigInt.asUintN(64, BigInt.asIntN(32, value)) : value);
  return { ...row, values: row.values.map(({ name, val }) => ({ name, val: shown(BigInt(val)) })) };
}

function compare(btf: Btf, path: string): void {
  const { types } = JSON.parse(ask('bpftool', '--json', 'btf', 'dump', 'file', path)) as { types: { id: number }[] };
  assert.equal(types.length, btf.count - 1);
  const lines = ask('bpftool', 'btf', 'dump', 'file', path).trimEnd().split('\n');
  const ours = types.flatMap(({ id }) => rawLines(btf, id));
  assert.deepEqual(ours, lines);
  for (const expected of types) assert.deepEqual(asBpftool(rawType(btf, expected.id)), expected);
}

for (const name of ['small', 'calls', 'legacy-maps', 'btf-maps', 'externs'] satisfies Fixture[]) {
  test(`types of ${name} are those that bpftool shows`, () => {
    const elf = readElf(fixture(name), name);
    const section = elf.sections.find((one) => one.name === '.BTF');
    assert.ok(section);
    compare(readBtf(section.data, name), fixturePath(name));
  });
}

test("the running kernel's types are those that bpftool shows, and opening them is quick", {
  timeout: 60_000,
}, (context) => {
  const path = '/sys/kernel/btf/vmlinux';
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch {
    context.skip('this kernel was built without BTF');
    return;
  }
  const best = Math.min(
    ...Array.from({ length: 5 }, () => {
      const start = performance.now();
      assert.ok(readBtf(bytes, path).find('struct', 'xdp_frame') !== undefined);
      return performance.now() - start;
    }),
  );
  assert.ok(best < 50, `opening and finding a struct took ${best} ms`);
  compare(readBtf(bytes, path), path);
});
