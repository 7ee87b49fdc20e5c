/** What we read from BTF is what bpftool reads from it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { readElf } from '../elf/elf.js';
import { ask, type Fixture, fixture, fixturePath } from '../object/fixtures.test.support.js';
import { type Btf, readBtf } from './btf.js';
import type { BtfType } from './types.js';

function widened(value: bigint): bigint {
  return BigInt.asUintN(64, BigInt.asIntN(32, value));
}

/** A type as `bpftool --json btf dump` shows it. */
function shown(id: number, type: BtfType): unknown {
  const name = type.name || '(anon)';
  const row = (kind: string, fields: object) => ({ id, kind, name, ...fields });
  switch (type.kind) {
    case 'int': {
      const encoding = type.signed ? 'SIGNED' : type.char ? 'CHAR' : type.bool ? 'BOOL' : '(none)';
      return row('INT', { size: type.size, bits_offset: type.bitOffset, nr_bits: type.bits, encoding });
    }
    case 'float':
      return row('FLOAT', { size: type.size });
    case 'pointer':
      return row('PTR', { type_id: type.type });
    case 'array':
      return row('ARRAY', { type_id: type.type, index_type_id: type.indexType, nr_elems: type.length });
    case 'struct':
    case 'union': {
      const members = type.members.map((member) => ({
        name: member.name || '(anon)',
        type_id: member.type,
        bits_offset: member.bitOffset,
        ...(member.bitSize > 0 && { bitfield_size: member.bitSize }),
      }));
      return row(type.kind.toUpperCase(), { size: type.size, vlen: members.length, members });
    }
    case 'enum':
    case 'enum64': {
      // bpftool extends the sign of 32-bit values, of unsigned enums too.
      const printed = (value: bigint) => (type.kind === 'enum64' || type.signed ? value : widened(value));
      const values = type.values.map(({ name, value }) => ({ name, val: Number(printed(value)) }));
      const encoding = type.signed ? 'SIGNED' : 'UNSIGNED';
      return row(type.kind.toUpperCase(), { encoding, size: type.size, vlen: values.length, values });
    }
    case 'forward':
      return row('FWD', { fwd_kind: type.union ? 'union' : 'struct' });
    case 'typedef':
    case 'volatile':
    case 'const':
    case 'restrict':
      return row(type.kind.toUpperCase(), { type_id: type.type });
    case 'type-tag':
      return row('TYPE_TAG', { type_id: type.type });
    case 'function':
      return row('FUNC', { type_id: type.type, linkage: type.linkage });
    case 'function-prototype': {
      const params = type.parameters.map((one) => ({ name: one.name || '(anon)', type_id: one.type }));
      return row('FUNC_PROTO', { ret_type_id: type.returns, vlen: params.length, params });
    }
    case 'variable':
      return row('VAR', { type_id: type.type, linkage: type.linkage });
    case 'section': {
      const vars = type.variables.map((one) => ({ type_id: one.type, offset: one.offset, size: one.size }));
      return row('DATASEC', { size: type.size, vlen: vars.length, vars });
    }
    case 'declaration-tag':
      return row('DECL_TAG', { type_id: type.type, component_idx: type.componentIndex });
    case 'void':
      return row('VOID', {});
  }
}

function compare(btf: Btf, path: string): void {
  const { types } = JSON.parse(ask('bpftool', '--json', 'btf', 'dump', 'file', path)) as { types: { id: number }[] };
  assert.equal(types.length, btf.count - 1);
  for (const expected of types) assert.deepEqual(shown(expected.id, btf.type(expected.id)), expected);
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
