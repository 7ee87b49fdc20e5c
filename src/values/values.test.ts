/** Values of types as clang describes them: shown, and read back from what was shown. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Btf } from '../btf/btf.js';
import { type BtfValue, compileCodec } from '../btf/codec.js';
import { shapeOf, type ValueShape } from '../btf/shape.js';
import { openText } from '../object/compile-text.test.support.js';
import { formatValue } from './format-value.js';
import { parseValue } from './parse-value.js';

const source = `
#include <linux/in.h>
#include <linux/in6.h>
enum state { IDLE, BUSY = 5 };
struct whole {
  __be32 saddr; __be32 sequence; __be16 dport; __be16 length; __u32 host_ip;
  unsigned char h_dest[6]; unsigned char cookie[6]; unsigned char vip[4]; unsigned char digest[4];
  struct in6_addr six; struct in_addr four; __be32 next_hop[4]; char name[8]; enum state state;
  _Bool on; double ratio; void *where; __u64 big; __s64 small;
  __u32 vlan : 12; enum state low : 4; struct { __u16 inner; }; union { __u32 word; __u8 parts[4]; } both;
  short grid[2][2]; signed char steps[2];
};
struct whole value = { 1 };
SEC("xdp") int f(void *c) { return 2; }
`;
const btf = openText(source).spec.btf as Btf;
const id = btf.find('struct', 'whole') as number;
const shape = shapeOf(btf, id);
const codec = compileCodec(btf, id, { name: 'value', code: 'VALUE_SHAPE' });

function fieldShape(name: string): ValueShape {
  const field = shape.kind === 'struct' ? shape.fields.find((each) => each.name === name) : undefined;
  return field?.shape ?? assert.fail(`no field ${name}`);
}

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const view = (() => {
  const random = new Uint8Array(codec.size);
  return new DataView(random.buffer);
})();
const sixBytes = bytes(0xfc, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
const example: Record<string, unknown> = {
  saddr: 0x0a000001,
  sequence: 0x0a000001,
  dport: 443,
  length: 20,
  host_ip: 7,
  h_dest: bytes(2, 0, 0, 0, 0, 1),
  cookie: bytes(2, 0, 0, 0, 0, 1),
  vip: bytes(10, 0, 0, 2),
  digest: bytes(10, 0, 0, 2),
  six: { in6_u: { u6_addr8: sixBytes } },
  four: { s_addr: 0x0a000003 },
  next_hop: [0xfc000000, 0, 0, 2],
  name: 'a "b"',
  state: 5,
  on: true,
  ratio: 0.5,
  where: 0xffff_8881_0000_0000n,
  big: 2n ** 64n - 1n,
  small: -(2n ** 63n),
  vlan: 4095,
  low: 5,
  inner: 3,
  both: { word: 0 },
  grid: [
    [1, -2],
    [3, 4],
  ],
  steps: [-1, 1],
};
codec.encode(view, 0, example);
const value = codec.decode(view, 0) as { readonly [field: string]: BtfValue };

/** A shape says of each value, and of each of its parts, what it is. */
function assertFits(part: BtfValue, its: ValueShape, path: string): void {
  switch (its.kind) {
    case 'integer':
      assert.equal(typeof part, its.size === 8 ? 'bigint' : 'number', path);
      return;
    case 'boolean':
    case 'float':
      assert.equal(typeof part, its.kind === 'float' ? 'number' : 'boolean', path);
      return;
    case 'text':
      assert.equal(typeof part, 'string', path);
      return;
    case 'bytes':
      assert.ok(part instanceof Uint8Array && part.length === its.size, path);
      return;
    case 'array': {
      const items = part as readonly BtfValue[];
      assert.equal(items.length, its.length, path);
      for (const item of items) assertFits(item, its.element, `${path}[]`);
      return;
    }
    case 'struct': {
      const fields = part as { readonly [field: string]: BtfValue };
      assert.deepEqual(
        its.fields.map(({ name }) => name),
        Object.keys(fields),
        path,
      );
      for (const field of its.fields) assertFits(fields[field.name] as BtfValue, field.shape, `${path}.${field.name}`);
    }
  }
}

test('a shape follows its codec, field by field', () => {
  assertFits(value, shape, 'value');
});

test('addresses, MACs, ports and enumerators are recognised by type and name, and only then', () => {
  const line = formatValue(shape, value, { width: 10_000 });
  const shown = [
    'saddr: 10.0.0.1, sequence: 167772161, dport: 443, length: 20, host_ip: 7',
    'h_dest: 02:00:00:00:00:01, cookie: 0x020000000001, vip: 10.0.0.2, digest: 0x0a000002',
    'six: fc00::1, four: 10.0.0.3, next_hop: fc00::2, name: "a \\"b\\"", state: BUSY',
    'on: true, ratio: 0.5, where: 0xffff888100000000, big: 18446744073709551615, small: -9223372036854775808',
    'vlan: 4095, low: BUSY, inner: 3, both: {word: 0, parts: 0x00000000}, grid: [[1, -2], [3, 4]], steps: [-1, 1]',
  ];
  assert.equal(line, `{${shown.join(', ')}}`);
});

test('what does not fit a line is laid out in lines that do', () => {
  const text = formatValue(shape, value, { width: 40, used: 10 });
  assert.match(text, /^\{\n {2}saddr: 10\.0\.0\.1,\n/);
  assert.match(text, /\n {2}both: \{word: 0, parts: 0x00000000\},\n/);
  assert.match(text, /\n {2}steps: \[-1, 1\],\n\}$/);
  for (const line of text.split('\n')) assert.ok(line.length <= 40, line);
  const numbers: ValueShape = { kind: 'array', length: 40, element: fieldShape('host_ip') };
  const many = formatValue(
    numbers,
    Array.from({ length: 40 }, (_, index) => index),
    { width: 30 },
  );
  assert.equal(many.split('\n')[1], '  0, 1, 2, 3, 4, 5, 6, 7, 8,');
  for (const line of many.split('\n')) assert.ok(line.length <= 30, line);
});

/** The bytes that a word stands for, or what is wrong with it. */
function encoded(word: string, its: ValueShape): Uint8Array | string {
  const name = shape.kind === 'struct' ? shape.fields.find((field) => field.shape === its)?.name : undefined;
  const target = new DataView(new ArrayBuffer(codec.size));
  const given = name === undefined ? parseValue(word, its) : { ...value, [name]: parseValue(word, its) };
  try {
    codec.encode(target, 0, given);
    return new Uint8Array(target.buffer);
  } catch (error) {
    return (error as Error).message;
  }
}

test('fields are read from words in any form that says what is meant', () => {
  const words: [string, string[]][] = [
    ['saddr', ['10.0.0.1', '167772161', '0x0a000001']],
    ['h_dest', ['02:00:00:00:00:01', '02-00-00-00-00-01', '020000000001', '0x020000000001', '[2,0,0,0,0,1]']],
    ['vip', ['10.0.0.2', '0a000002', '[10, 0, 0, 2]']],
    ['six', ['fc00::1', '{"in6_u": {"u6_addr8": "fc00::1"}}']],
    ['four', ['10.0.0.3', '{"s_addr": 167772163}']],
    ['next_hop', ['fc00::2', '[4227858432, 0, 0, 2]']],
    ['name', ['a "b"', '"a \\"b\\""']],
    ['state', ['BUSY', '5']],
    ['low', ['BUSY', '5']],
    ['on', ['true', '1']],
    ['ratio', ['0.5', '5e-1']],
    ['big', ['18446744073709551615', '0xffffffffffffffff']],
    ['small', ['-9223372036854775808', '-0x8000000000000000']],
    ['grid', ['[[1, -2], [3, 4]]']],
  ];
  for (const [name, forms] of words) {
    for (const form of forms) {
      assert.deepEqual(encoded(form, fieldShape(name)), new Uint8Array(view.buffer), `${name} ${form}`);
    }
  }
});

test('an address in a plain integer lies in memory as packets carry it', () => {
  const target = new DataView(new ArrayBuffer(codec.size));
  codec.encode(target, 0, { ...value, host_ip: parseValue('10.0.0.9', fieldShape('host_ip')) });
  assert.deepEqual(new Uint8Array(target.buffer, 12, 4), bytes(10, 0, 0, 9));
});

test('what a word cannot mean is left for the codec, which names the field', () => {
  const refused: [string, string, RegExp][] = [
    ['saddr', 'fc00::1', /^value, field "saddr": a whole number .* not the string "fc00::1"$/],
    ['h_dest', '02:00', /^value, field "h_dest": an array of 6 bytes is expected, not the string "02:00"$/],
    ['state', 'LAZY', /^value, field "state": a number or one of IDLE, BUSY is expected/],
    ['big', '18446744073709551616', /^value, field "big": a whole number from 0 to 18446744073709551615/],
    ['dport', '65536', /^value, field "dport": a whole number from 0 to 65535/],
    ['name', 'much too long', /^value, field "name": a string of at most 8 bytes/],
    ['grid', '[[1], [3, 4]]', /element 0: an array of 2 is expected/],
    ['both', '{"nothing": 1}', /there is no field "nothing"/],
  ];
  for (const [name, word, complaint] of refused) {
    const answer = encoded(word, fieldShape(name));
    assert.ok(typeof answer === 'string' && complaint.test(answer), `${name} ${word}: ${answer}`);
  }
});
