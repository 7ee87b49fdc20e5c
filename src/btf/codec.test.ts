import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { openText } from '../object/compile-text.test.support.js';
import { type BtfValue, type Codec, compileCodec, plainCodec } from './codec.js';
import { decodeText, encodeText } from './text.js';

type Fields = Record<string, BtfValue>;

const declarations = `
enum colour { RED, GREEN = 7, BLUE = 0xfffffff0 };
enum wide { SMALL = 1, HUGE_ONE = 0x123456789abcULL };
typedef __be16 port_t;
struct point { __s16 x; __s16 y; };
struct integers { __u8 u8; __s8 s8; __u16 u16; __s16 s16; __u32 u32; __s32 s32; __u64 u64; __s64 s64; };
struct others { bool on; enum colour colour; float f; double d; void *pointer; char name[8]; __u8 mac[6]; __s8 deltas[3]; };
struct arrays { __u32 four[4]; __u16 grid[2][3]; char words[2][4]; struct point points[2]; bool flags[2]; };
struct nested { struct point at; struct { __u8 tag; __u32 value; }; __u8 last; };
struct network { __be16 port; __be32 address; __be64 id; const port_t other; __be16 several[2]; __u16 host; };
struct choice { __u8 family; union { __be32 v4; __u8 v6[16]; }; };
struct partly { union { struct { __u8 a; __u32 b; } pair; __u64 raw; bool set; char text[8]; }; };
union number { __u32 whole; __u8 bytes[4]; struct { __u16 low; __u16 high; }; };
struct bits { __u8 version:4; __u8 length:4; int small:3; unsigned crossing:13; __u64 wide:40; __s64 deep:33; bool flag:1; enum colour tint:3; int :5; __u8 after; };
struct bit_or_byte { union { struct { __u8 low:4, high:4; }; __u8 whole; }; };
struct padded { __u8 a; __u64 b; __u16 c; };
struct flexible { __u32 count; __u8 rest[]; };
struct empty {};
`;

const variables = [
  'integers',
  'others',
  'arrays',
  'nested',
  'network',
  'choice',
  'partly',
  'bits',
  'bit_or_byte',
  'padded',
  'flexible',
  'empty',
].map((name) => `struct ${name} a_${name};`);
const wideInteger = 'struct hash { unsigned __int128 sum; }; struct hash a_hash;';
const source = `${declarations}${variables.join('\n')}\nunion number a_number;\n${wideInteger}`;
const { spec } = openText(source);
const btf = spec.btf;
assert.ok(btf);

const subject = { name: 'value of map "m"', code: 'VALUE_SHAPE' } as const;

function codecOf(name: string, kind: 'struct' | 'union' = 'struct'): Codec<Fields> {
  assert.ok(btf);
  return compileCodec(btf, btf.find(kind, name) ?? assert.fail(name), subject) as Codec<Fields>;
}

function encode(codec: Codec<Fields>, value: unknown): Uint8Array {
  const bytes = new Uint8Array(codec.size).fill(0xee);
  codec.encode(new DataView(bytes.buffer), 0, value);
  return bytes;
}

const decode = (codec: Codec<Fields>, bytes: Uint8Array): Fields =>
  codec.decode(new DataView(bytes.buffer, bytes.byteOffset), 0);

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/** The message of the error that encoding `value` throws. */
function refusal(name: string, value: unknown, kind?: 'struct' | 'union'): string {
  try {
    encode(codecOf(name, kind), value);
  } catch (error) {
    assert.equal((error as { code: string }).code, 'VALUE_SHAPE');
    return (error as Error).message;
  }
  return assert.fail(`${name} takes ${JSON.stringify(value)}`);
}

const least = { u8: 0, s8: -128, u16: 0, s16: -32768, u32: 0, s32: -(2 ** 31), u64: 0n, s64: -(2n ** 63n) };
const most = {
  ...{ u8: 255, s8: 127, u16: 65535, s16: 32767, u32: 2 ** 32 - 1, s32: 2 ** 31 - 1 },
  ...{ u64: 2n ** 64n - 1n, s64: 2n ** 63n - 1n },
};

test('integers: the ends of every range, and one beyond', () => {
  const codec = codecOf('integers');
  for (const value of [least, most]) assert.deepEqual(decode(codec, encode(codec, value)), value);
  assert.equal(hex(encode(codec, { ...least, u64: 5n })), hexOfLeast);
  for (const [name, value] of Object.entries(most)) {
    const beyond = typeof value === 'bigint' ? value + 1n : value + 1;
    const text = refusal('integers', { ...least, [name]: beyond });
    assert.ok(text.startsWith(`value of map "m", field "${name}": a whole number from`), text);
    assert.ok(text.endsWith(`to ${value}${wideHint(name)} is expected, not the number ${beyond}`), text);
  }
  for (const [name, value] of Object.entries(least)) {
    const beyond = typeof value === 'bigint' ? value - 1n : value - 1;
    assert.match(refusal('integers', { ...least, [name]: beyond }), new RegExp(`from ${value} to`));
  }
});

const wideHint = (name: string) => (name.endsWith('64') ? ' (a bigint such as 5n)' : '');
// u8 s8 u16 s16 (padding) u32 s32 (padding) u64 s64
const hexOfLeast = [
  '00',
  '80',
  '0000',
  '0080',
  '0000',
  '00000000',
  '00000080',
  '0500000000000000',
  '0000000000000080',
].join('');

test('integers of 64 bits take safe numbers, those of 32 bits bigints; nothing else', () => {
  const codec = codecOf('integers');
  const value = decode(codec, encode(codec, { ...least, u64: 5, s64: -5, u32: 7n }));
  assert.deepEqual([value.u64, value.s64, value.u32], [5n, -5n, 7]);
  for (const wrong of [1.5, Number.NaN, 2 ** 53, '5', true, null, {}]) refusal('integers', { ...least, u64: wrong });
  for (const wrong of [1.5, Number.NaN, Number.POSITIVE_INFINITY, '5', true, null, 2n ** 70n]) {
    refusal('integers', { ...least, u32: wrong });
  }
});

const others = {
  ...{ on: true, colour: 7, f: 1.5, d: Math.PI, pointer: 0xffff_8880_0000_0000n },
  ...{ name: 'veth-ä', mac: new Uint8Array([1, 2, 3, 4, 5, 255]), deltas: [-1, 0, 127] },
};

test('booleans, enums, floats, pointers, text and bytes', () => {
  const codec = codecOf('others');
  const at = (change: object) => decode(codec, encode(codec, { ...others, ...change }));
  assert.deepEqual(at({}), others);
  assert.equal(at({ colour: 'BLUE' }).colour, 0xffff_fff0);
  assert.equal(at({ colour: 3 }).colour, 3, 'a number without a name is a number');
  assert.equal(at({ name: '' }).name, '');
  assert.equal(at({ name: '12345678' }).name, '12345678', 'no room for a NUL is needed');
  assert.equal(at({ name: '\uFEFFab' }).name, '\uFEFFab', 'a byte order mark is text');
  assert.deepEqual(at({ mac: [6, 5, 4, 3, 2, 1] }).mac, new Uint8Array([6, 5, 4, 3, 2, 1]));
  assert.equal(at({ f: 0.1 }).f, Math.fround(0.1));
});

test('text that is no UTF-8 comes back as the same bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => {
      assert.deepEqual(encodeText(decodeText(bytes)), bytes);
    }),
  );
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      assert.equal(decodeText(encodeText(text)), text);
    }),
  );
  assert.equal(decodeText(new Uint8Array([0x61, 0xff, 0xc3, 0xa4, 0xe2, 0x82])), 'a\uDCFFä\uDCE2\uDC82');
});

test('what is wrong with a value is said with the field, what it takes and what it was given', () => {
  const wrong = (change: object) => refusal('others', { ...others, ...change }).replace('value of map "m", field ', '');
  assert.equal(wrong({ on: 1 }), '"on": true or false is expected, not the number 1');
  assert.equal(
    wrong({ colour: 'PINK' }),
    '"colour": a number or one of RED, GREEN, BLUE is expected, not the string "PINK"',
  );
  assert.equal(wrong({ f: '1' }), '"f": a number is expected, not the string "1"');
  assert.equal(
    wrong({ name: '123456789' }),
    '"name": a string of at most 8 bytes without NUL is expected, not the string "123456789"',
  );
  assert.match(wrong({ name: 'ääääö' }), /at most 8 bytes/);
  assert.match(wrong({ name: 'a\0b' }), /without NUL is expected, not the string "a\\u0000b"/);
  assert.equal(wrong({ mac: new Uint8Array(5) }), '"mac": an array of 6 bytes is expected, not 5 bytes');
  assert.equal(wrong({ mac: [0, 0, 0, 0, 0, 256] }), '"mac": a byte from 0 to 255 is expected, not the number 256');
  assert.equal(
    wrong({ deltas: [0, 0, -129] }),
    '"deltas", element 2: a whole number from -128 to 127 is expected, not the number -129',
  );
  const fields = 'the fields are on, colour, f, d, pointer, name, mac, deltas';
  assert.equal(refusal('others', { ...others, onn: true }), `value of map "m": there is no field "onn"; ${fields}`);
  const { on: _, ...missing } = others;
  assert.equal(refusal('others', missing), `value of map "m": field "on" is missing; ${fields}`);
  for (const [value, shown] of [
    [undefined, 'undefined'],
    [null, 'null'],
    [5, 'the number 5'],
    [[1], 'an array of 1'],
    [new Uint8Array(3), '3 bytes'],
  ] as const) {
    assert.equal(refusal('padded', value), `value of map "m": an object with a, b, c is expected, not ${shown}`);
  }
});

test('arrays of numbers, of arrays, of text, of structs', () => {
  const codec = codecOf('arrays');
  const value = {
    four: [1, 2, 3, 2 ** 32 - 1],
    grid: [
      [1, 2, 3],
      [4, 5, 6],
    ],
    words: ['abcd', 'e'],
    points: [
      { x: -1, y: 2 },
      { x: 3, y: -4 },
    ],
    flags: [true, false],
  };
  assert.deepEqual(decode(codec, encode(codec, value)), value);
  assert.match(
    refusal('arrays', { ...value, four: [1, 2, 3] }),
    /"four": an array of 4 is expected, not an array of 3$/,
  );
  assert.match(refusal('arrays', { ...value, grid: [[1, 2, 3], [4]] }), /"grid", element 1: an array of 3 is expected/);
  assert.match(refusal('arrays', { ...value, points: [{ x: 1 }, { x: 1, y: 2 }] }), /element 0: field "y" is missing/);
});

test('structs in structs; those without a name stand in their parent; padding is zero', () => {
  const codec = codecOf('nested');
  const value = { at: { x: 1, y: -1 }, tag: 2, value: 3, last: 4 };
  assert.deepEqual(decode(codec, encode(codec, value)), value);
  assert.equal(hex(encode(codec, value)), '0100ffff' + '02000000' + '03000000' + '04000000');
  assert.equal(
    hex(encode(codecOf('padded'), { a: 1, b: 2, c: 3 })),
    '0100000000000000' + '0200000000000000' + '0300000000000000',
  );
  assert.deepEqual(decode(codecOf('empty'), encode(codecOf('empty'), {})), {});
  assert.deepEqual(decode(codecOf('flexible'), encode(codecOf('flexible'), { count: 9, rest: [] })), {
    count: 9,
    rest: new Uint8Array(0),
  });
});

test('network order is stored, and the number that it means comes back', () => {
  const codec = codecOf('network');
  const value = {
    port: 0x1234,
    address: 0x0a0b0102,
    id: 0x0102030405060708n,
    other: 80,
    several: [1, 2],
    host: 0x1234,
  };
  assert.deepEqual(decode(codec, encode(codec, value)), value);
  assert.equal(hex(encode(codec, value)), '12340000' + '0a0b0102' + '0102030405060708' + '0050' + '00010002' + '3412');
});

test('unions: one member is enough, several must agree, none is too few', () => {
  const codec = codecOf('choice');
  const v6 = new Uint8Array(16).fill(7);
  assert.equal(hex(encode(codec, { family: 2, v4: 0x01020304 })), `02000000${'01020304'}${'00'.repeat(12)}`);
  const decoded = decode(codec, encode(codec, { family: 10, v6 }));
  assert.deepEqual(decoded, { family: 10, v4: 0x07070707, v6 });
  assert.deepEqual(decode(codec, encode(codec, decoded)), decoded, 'what was decoded can be encoded');
  assert.equal(
    refusal('choice', { family: 2, v4: 1, v6 }),
    'value of map "m": "v4" disagrees with another member of its union; give only one of them',
  );
  assert.equal(refusal('choice', { family: 2 }), 'value of map "m": one of v4, v6 is missing');
  const number = codecOf('number', 'union');
  assert.equal(hex(encode(number, { low: 1, high: 2 })), '01000200');
  assert.equal(hex(encode(number, { high: 2 })), '00000200');
  assert.deepEqual(decode(number, encode(number, { whole: 0x00020001 })), {
    whole: 0x00020001,
    bytes: new Uint8Array([1, 0, 2, 0]),
    low: 1,
    high: 2,
  });
});

test('a decoded union encodes again where its members say less than its bytes', () => {
  const codec = codecOf('partly');
  // Padding after "a", a bool that is neither 0 nor 1, and bytes after the end of the text.
  const bytes = new Uint8Array([5, 9, 9, 9, 1, 0, 2, 3]);
  const value = decode(codec, bytes);
  assert.deepEqual([value.set, value.text, value.pair], [true, '\x05\t\t\t\x01', { a: 5, b: 0x03020001 }]);
  assert.deepEqual(encode(codec, value), bytes);
  assert.match(refusal('partly', { ...value, set: false }), /disagrees/);
});

test('bitfields of both signs, across bytes, wide ones as bigint', () => {
  const codec = codecOf('bits');
  const low = {
    version: 0,
    length: 0,
    small: -4,
    crossing: 0,
    wide: 0n,
    deep: -(2n ** 32n),
    flag: false,
    tint: 0,
    after: 0,
  };
  const high = {
    ...{ version: 15, length: 15, small: 3, crossing: 8191, wide: 2n ** 40n - 1n, deep: 2n ** 32n - 1n },
    ...{ flag: true, tint: 7, after: 255 },
  };
  for (const value of [low, high, { ...low, small: -1 }, { ...high, wide: 1n }]) {
    assert.deepEqual(decode(codec, encode(codec, value)), value);
  }
  assert.equal(decode(codec, encode(codec, { ...low, tint: 'GREEN' })).tint, 7, 'by name too');
  assert.equal(decode(codec, encode(codec, { ...low, wide: 5 })).wide, 5n);
  assert.match(
    refusal('bits', { ...low, small: 4 }),
    /"small": a whole number from -4 to 3 is expected, not the number 4/,
  );
  assert.match(refusal('bits', { ...low, crossing: -1 }), /"crossing": a whole number from 0 to 8191 is expected/);
  assert.match(refusal('bits', { ...low, tint: 'PINK' }), /"tint": a number or one of RED, GREEN, BLUE is expected/);
  const mixed = codecOf('bit_or_byte');
  assert.deepEqual(decode(mixed, encode(mixed, { whole: 0x5a })), { low: 10, high: 5, whole: 0x5a });
  assert.deepEqual(encode(mixed, { low: 10, high: 5, whole: 0x5a }), new Uint8Array([0x5a]));
  assert.match(refusal('bit_or_byte', { low: 1, whole: 2 }), /disagrees/);
});

test('integers wider than 64 bits are bytes; a data section is an object of its variables', () => {
  assert.deepEqual(decode(codecOf('hash'), encode(codecOf('hash'), { sum: new Uint8Array(16).fill(3) })), {
    sum: new Uint8Array(16).fill(3),
  });
  const data = openText(
    '__u32 counter = 5; char device[4] = "lo"; static volatile __u8 hidden = 1; int f(void){return hidden;}',
  ).spec;
  const section = data.maps.find(({ name }) => name === '.data');
  assert.ok(data.btf && section?.valueType !== undefined && section.initialValue);
  const codec = compileCodec(data.btf, section.valueType, subject) as Codec<Fields>;
  const value = decode(codec, section.initialValue);
  assert.deepEqual(value, { counter: 5, device: 'lo', hidden: 1 });
  assert.deepEqual(encode(codec, value), section.initialValue);
});

test('without BTF a value is an unsigned integer of its size, or bytes', () => {
  const values = { 1: 255, 2: 0xffff, 4: 0xffff_ffff, 8: 2n ** 64n - 1n, 6: new Uint8Array(6).fill(255) };
  for (const [size, value] of Object.entries(values)) {
    const codec = plainCodec(Number(size), true, subject) as unknown as Codec<Fields>;
    assert.deepEqual(decode(codec, encode(codec, value)), value);
  }
  assert.throws(() => encode(plainCodec(6, true, subject) as unknown as Codec<Fields>, 5), {
    message: 'value of map "m": an array of 6 bytes is expected, not the number 5',
  });
});
