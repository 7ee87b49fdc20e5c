import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openText } from '../object/compile-text.test.support.js';
import { layoutDifference, type TypeInBtf } from './layout-difference.js';

/** The type of a variable `v` of `declaration`. */
function typeOf(declaration: string): TypeInBtf {
  const {
    spec: { btf },
  } = openText(`typedef unsigned char u8; typedef unsigned short u16; typedef unsigned int u32;
    typedef unsigned long long u64; ${declaration}`);
  assert(btf);
  const variable = btf.find('variable', 'v');
  assert(variable !== undefined);
  const type = btf.type(variable);
  assert(type.kind === 'variable');
  return { btf, type: type.type };
}

const record = typeOf('struct datarec { u64 packets; u64 bytes; } v = {1};');

test('the same layout under other type names is no difference', () => {
  for (const same of [
    'struct other { unsigned long packets; long long bytes; } v = {1};',
    'typedef struct { u64 packets; u64 bytes; } again; const volatile again v = {1};',
  ]) {
    assert.equal(layoutDifference(record, typeOf(same)), undefined, same);
  }
  const nested = 'struct a { struct { u8 mac[6]; union { u32 v4; u8 v6[16]; }; } key; u32 x:3, y:5; void *p; } v = {};';
  assert.equal(layoutDifference(typeOf(nested), typeOf(nested.replace('struct a', 'struct b'))), undefined);
});

test('the first difference is told, by field', () => {
  const told = (found: string, wanted: string) => layoutDifference(typeOf(found), typeOf(wanted));
  assert.equal(
    layoutDifference(record, typeOf('struct datarec { u64 bytes; u64 packets; } v = {1};')),
    'field "packets" stands where "bytes" should be',
  );
  assert.equal(
    layoutDifference(record, typeOf('struct { u64 packets; u32 bytes; u32 drops; } v = {1};')),
    'field "bytes" is a number of 8 bytes, not of 4',
  );
  assert.equal(layoutDifference(record, typeOf('u64 v[2] = {1};')), 'it is of kind struct, not array');
  assert.equal(told('u32 v = 1;', 'u64 v = 1;'), 'it is a number of 4 bytes, not of 8');
  assert.equal(told('u8 v[6] = {1};', 'u8 v[8] = {1};'), 'it is an array of 6, not of 8');
  assert.equal(
    told('struct { struct { u16 a, b; } in; } v = {};', 'struct { struct { u16 a, c; } in; } v = {};'),
    'field "in.b" stands where "in.c" should be',
  );
  assert.equal(
    told('struct { u32 a:3, b:5; } v = {.a = 1};', 'struct { u32 a:4, b:4; } v = {.a = 1};'),
    'field "a" is at byte 0 (3 bits), not at byte 0 (4 bits)',
  );
  assert.equal(
    told('struct { u32 a; u32 b; } v = {1};', 'struct { u32 a; u32 :32; } v = {1};'),
    'field "b" should not be there',
  );
});
