import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openText } from '../object/compile-text.test.support.js';
import { compileCodec } from './codec.js';
import { copyValue, planCopy } from './copy-plan.js';
import type { TypeInBtf } from './layout-difference.js';

const prelude = `#include <linux/types.h>
enum state { IDLE, BUSY = 5 };
`;

/** The type of a variable `v` of `declaration`. */
function typeOf(declaration: string): TypeInBtf {
  const { btf } = openText(prelude + declaration).spec;
  const variable = btf?.find('variable', 'v');
  assert(btf && variable !== undefined);
  const type = btf.type(variable);
  assert(type.kind === 'variable');
  return { btf, type: type.type };
}

/** What becomes of a value. */
function carried(from: string, to: string, value: unknown): unknown {
  const [old, now] = [typeOf(from), typeOf(to)];
  const codecOf = ({ btf, type }: TypeInBtf) => compileCodec(btf, type, { name: 'value', code: 'VALUE_SHAPE' });
  const [oldCodec, newCodec] = [codecOf(old), codecOf(now)];
  const [oldBytes, newBytes] = [new Uint8Array(oldCodec.size), new Uint8Array(newCodec.size)];
  oldCodec.encode(new DataView(oldBytes.buffer), 0, value);
  const { moves, problems } = planCopy(old, now);
  assert.deepEqual(problems, []);
  copyValue(moves, oldBytes, newBytes);
  return newCodec.decode(new DataView(newBytes.buffer), 0);
}

test('fields move, grow, are new or gone', () => {
  const from =
    'struct r { __u32 packets; __s16 balance; __be16 port; unsigned char mac[6]; __u8 gone; char name[4]; } v = {};';
  const to = `struct s { char name[8]; __u64 packets; __u64 fresh; __s64 balance; __be32 port; unsigned char mac[6];
    enum state state; } v = {};`;
  const plan = planCopy(typeOf(from), typeOf(to));
  assert.deepEqual([plan.added, plan.dropped], [['fresh', 'state'], ['gone']]);
  const mac = Uint8Array.of(2, 0, 0, 0, 0, 1);
  const value = { packets: 2 ** 32 - 1, balance: -7, port: 443, mac, gone: 9, name: 'abcd' };
  assert.deepEqual(carried(from, to, value), {
    name: 'abcd',
    packets: 2n ** 32n - 1n,
    fresh: 0n,
    balance: -7n,
    port: 443,
    mac,
    state: 0,
  });
});

test('bitfields, arrays of structs, anonymous members and unions', () => {
  const from = `struct r { __u32 low : 3, high : 7; struct { __u16 inner; }; union { __u32 word; __u8 parts[4]; };
    struct { __u8 x; __u8 y; } points[2]; long double wide; } v = {};`;
  const to = `struct s { __u32 flag : 1, high : 9; __s64 low : 40; struct { struct { __u32 z; __u32 y; __u32 x; } points[3]; };
    union { __u32 word; __u8 parts[4]; }; __u64 inner; } v = {};`;
  const value = {
    low: 5,
    high: 100,
    inner: 65_535,
    word: 7,
    points: [
      { x: 1, y: 2 },
      { x: 3, y: 255 },
    ],
  };
  const widened = from.replace('long double wide;', '');
  assert.deepEqual(carried(widened, to, value), {
    flag: 0,
    high: 100,
    low: 5n,
    points: [
      { z: 0, y: 2, x: 1 },
      { z: 0, y: 255, x: 3 },
      { z: 0, y: 0, x: 0 },
    ],
    word: 7,
    parts: Uint8Array.of(7, 0, 0, 0),
    inner: 65_535n,
  });
});

test('a number alone grows with its sign', () => {
  assert.equal(carried('__s32 v = 1;', '__s64 v = 1;', -1), -1n);
  assert.equal(carried('__u32 v = 1;', '__s64 v = 1;', 2 ** 32 - 1), 2n ** 32n - 1n);
  assert.equal(carried('enum state v = 1;', '__u64 v = 1;', 'BUSY'), 5n);
});

test('what cannot be carried over is told by field', () => {
  const problems = (from: string, to: string) => planCopy(typeOf(from), typeOf(to)).problems;
  const record = (fields: string) => `struct { struct { ${fields} } in; } v = {};`;
  assert.deepEqual(problems(record('__u64 a; __u32 b; __u8 c[4];'), record('__u32 a; __u64 b; __u8 c[3];')), [
    'field "in.a" shrinks from 8 bytes to 4 bytes',
    'field "in.c" shrinks from 4 elements to 3',
  ]);
  assert.deepEqual(problems(record('__u32 a;'), record('float a;')), ['field "in.a" was a int and is a float']);
  assert.deepEqual(problems(record('__u32 a : 7;'), record('__u32 a : 6;')), [
    'field "in.a" shrinks from 7 bits to 6 bits',
  ]);
  assert.deepEqual(problems(record('__be16 a;'), record('__u32 a;')), ['field "in.a" changed its byte order']);
  assert.deepEqual(problems(record('union { __u8 x; } a;'), record('union { __u16 x; } a;')), [
    'field "in.a" is a union that has changed',
  ]);
  assert.deepEqual(problems('__u32 v = 1;', '__u16 v = 1;'), ['it shrinks from 4 bytes to 2 bytes']);
});
