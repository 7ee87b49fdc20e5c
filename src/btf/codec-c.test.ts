/** Random structs with random values: clang lays out and fills them, and our codecs must agree byte for byte. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { openText } from '../object/compile-text.test.support.js';
import { type Codec, compileCodec } from './codec.js';

/** A member of a struct as C declares it and initialises it, and its value here. */
interface Member {
  declare(name: string): string;
  readonly initial: string;
  readonly value: unknown;
  /** The member has no name: the fields of its value stand in the parent. */
  readonly inParent?: true;
}

type Fields = Record<string, unknown>;

const u = (bits: number, value: number | bigint) => `0x${BigInt.asUintN(bits, BigInt(value)).toString(16)}ULL`;

interface IntegerType {
  readonly c: string;
  readonly bits: number;
  readonly signed: boolean;
}

const integerTypes: readonly IntegerType[] = [8, 16, 32, 64].flatMap((bits) => [
  { c: `__u${bits}`, bits, signed: false },
  { c: `__s${bits}`, bits, signed: true },
]);
const anyIntegerType = fc.constantFrom(...integerTypes);

function integerOf(signed: boolean, bits: number): fc.Arbitrary<bigint> {
  const most = (1n << BigInt(signed ? bits - 1 : bits)) - 1n;
  return fc.bigInt({ min: signed ? -most - 1n : 0n, max: most });
}

const asJs = (value: bigint, isWide: boolean) => (isWide ? value : Number(value));

const integer = anyIntegerType.chain(({ c, bits, signed }) =>
  integerOf(signed, bits).map(
    (value): Member => ({
      declare: (name) => `${c} ${name}`,
      initial: `(${c})${u(bits, value)}`,
      value: asJs(value, bits === 64),
    }),
  ),
);

const networkOrder = fc.constantFrom(16, 32, 64).chain((bits) =>
  integerOf(false, bits).map(
    (value): Member => ({
      declare: (name) => `__be${bits} ${name}`,
      initial: `BE${bits}(${u(bits, value)})`,
      value: asJs(value, bits === 64),
    }),
  ),
);

const bitfield = anyIntegerType.chain(({ c, bits, signed }) =>
  fc.integer({ min: 1, max: bits }).chain((width) =>
    integerOf(signed, width).map(
      (value): Member => ({
        declare: (name) => `${c} ${name}:${width}`,
        initial: `(${c})${u(64, value)}`,
        value: asJs(value, bits === 64),
      }),
    ),
  ),
);

const flag = fc.boolean().chain((value) =>
  fc.boolean().map((narrow): Member => {
    return { declare: (name) => `bool ${name}${narrow ? ':1' : ''}`, initial: value ? '1' : '0', value };
  }),
);

const real = fc.constantFrom('float', 'double').chain((c) =>
  (c === 'float'
    ? fc.float({ noNaN: true, noDefaultInfinity: true })
    : fc.double({ noNaN: true, noDefaultInfinity: true })
  ).map(
    (value): Member => ({
      declare: (name) => `${c} ${name}`,
      initial: `(${c})${Object.is(value, -0) ? '-0.0' : value.toExponential()}`,
      value,
    }),
  ),
);

const enumerated = fc
  .constantFrom(['RED', 0], ['GREEN', 7], ['BLUE', 0xffff_fff0] as const)
  .map(([name, value]): Member => ({ declare: (field) => `enum colour ${field}`, initial: `${name}`, value }));

const pointer = integerOf(false, 64).map(
  (value): Member => ({ declare: (name) => `void *${name}`, initial: `(void *)${u(64, value)}`, value }),
);

const text = fc.integer({ min: 1, max: 12 }).chain((size) =>
  fc
    .string({ unit: 'grapheme', maxLength: size })
    .map((long) => {
      let short = long.replaceAll('\0', '');
      while (Buffer.byteLength(short) > size) short = [...short].slice(0, -1).join('');
      return short;
    })
    .map(
      (value): Member => ({
        declare: (name) => `char ${name}[${size}]`,
        initial: `{${[...Buffer.from(value)].map((byte) => `(char)${byte}`).join(',') || '0'}}`,
        value,
      }),
    ),
);

const bytes = fc
  .uint8Array({ minLength: 1, maxLength: 9 })
  .map(
    (value): Member => ({ declare: (name) => `__u8 ${name}[${value.length}]`, initial: `{${value.join(',')}}`, value }),
  );

const numbers = anyIntegerType
  .filter(({ c }) => c !== '__u8')
  .chain(({ c, bits, signed }) =>
    fc.array(fc.array(integerOf(signed, bits), { minLength: 3, maxLength: 3 }), { minLength: 1, maxLength: 3 }).map(
      (rows): Member => ({
        declare: (name) => `${c} ${name}[${rows.length}][3]`,
        initial: `{${rows.map((row) => `{${row.map((each) => `(${c})${u(bits, each)}`).join(',')}}`).join(',')}}`,
        value: rows.map((row) => row.map((each) => asJs(each, bits === 64))),
      }),
    ),
  );

/** Padding that the source itself asks for. */
const unnamed = fc
  .integer({ min: 0, max: 16 })
  .map((width): Member => ({ declare: () => `__u16 :${width}`, initial: '', value: undefined }));

let names = 0;

function composite(kind: 'struct' | 'union', members: readonly Member[], isAnonymous: boolean): Member {
  const named = members.map((member) => ({ member, name: `m${names++}` }));
  // A union is filled by its first member, which must then have a name or fields of its own.
  const filled = kind === 'struct' ? named : named.slice(0, 1);
  const value: Fields = {};
  for (const { member, name } of filled) {
    if (member.inParent) Object.assign(value, member.value);
    else if (member.value !== undefined) value[name] = member.value;
  }
  const initial = filled
    .filter(({ member }) => member.initial !== '')
    .map(({ member, name }) => (member.inParent ? member.initial : `.${name} = ${member.initial}`));
  const body = named.map(({ member, name }) => `${member.declare(name)};`).join(' ');
  return {
    declare: (name) => `${kind} { ${body} }${isAnonymous ? '' : ` ${name}`}`,
    initial: isAnonymous ? initial.join(', ') : `{${initial.join(', ')}}`,
    value,
    ...(isAnonymous && { inParent: true as const }),
  };
}

const leaf = fc.oneof(
  { arbitrary: integer, weight: 4 },
  { arbitrary: bitfield, weight: 6 },
  ...[networkOrder, flag, real, enumerated, pointer, text, bytes, numbers],
);
const simpleLeaf = fc.oneof(integer, networkOrder, enumerated, bytes, numbers);

function struct(depth: number): fc.Arbitrary<Member> {
  const member =
    depth === 0
      ? leaf
      : fc.oneof(
          { arbitrary: leaf, weight: 8 },
          { arbitrary: unnamed, weight: 1 },
          struct(depth - 1),
          union(depth - 1),
        );
  return fc
    .tuple(fc.array(member, { minLength: 1, maxLength: 7 }), fc.boolean())
    .map(([members, isAnonymous]) => composite('struct', members, isAnonymous));
}

function union(depth: number): fc.Arbitrary<Member> {
  return fc
    .tuple(simpleLeaf, fc.array(depth === 0 ? leaf : struct(0), { maxLength: 3 }), fc.boolean())
    .map(([first, rest, isAnonymous]) => composite('union', [first, ...rest], isAnonymous));
}

/** Clang's BTF places a struct of nothing but zeroes in another section than its symbol, so that none may be one. */
const notZero: Member = { declare: (name) => `__u8 ${name}`, initial: '1', value: 1 };

const root = fc
  .array(fc.oneof({ arbitrary: leaf, weight: 6 }, unnamed, struct(1), union(1)), { minLength: 1, maxLength: 9 })
  .map((members) => composite('struct', [...members, notZero], false));

/** Whatever was put in comes out; unions show more than that. */
function assertHolds(found: unknown, wanted: unknown, path: string): void {
  if (typeof wanted !== 'object' || wanted === null || Array.isArray(wanted) || wanted instanceof Uint8Array) {
    assert.deepEqual(found, wanted, path);
    return;
  }
  for (const [name, value] of Object.entries(wanted)) assertHolds((found as Fields)[name], value, `${path}.${name}`);
}

const count = 150;
const seed = Number(process.env.XDPKIT_TEST_SEED ?? Date.now() % 1_000_000);

for (const target of ['bpf', 'bpfeb'] as const) {
  test(`${count} random structs are laid out as clang does (${target}, seed ${seed})`, () => {
    const samples = fc.sample(root, { numRuns: count, seed });
    const swap = target === 'bpf' ? (bits: number) => `__builtin_bswap${bits}(x)` : () => '(x)';
    const source = [
      'enum colour { RED, GREEN = 7, BLUE = 0xfffffff0 };',
      ...[16, 32, 64].map((bits) => `#define BE${bits}(x) ${swap(bits)}`),
      ...samples.map(({ declare, initial }, index) => `${declare(`v${index}`)} = ${initial};`),
    ];
    const { spec } = openText(source.join('\n'), { target });
    const variables = new Map(spec.globals.map((variable) => [variable.name, variable]));
    samples.forEach((sample, index) => {
      const line = `seed ${seed}: ${source[index + 4]}`;
      const variable = variables.get(`v${index}`) ?? assert.fail(line);
      const section = spec.maps.find(({ name }) => name === variable.map)?.initialValue;
      assert.ok(spec.btf && variable.type !== undefined && section, line);
      const made = section.subarray(variable.offset, variable.offset + variable.size);
      const codec = compileCodec(spec.btf, variable.type, { name: 'v', code: 'VALUE_SHAPE' }) as Codec<Fields>;
      assert.equal(codec.size, made.length, line);
      const encode = (value: unknown) => {
        const encoded = new Uint8Array(codec.size).fill(0xaa);
        codec.encode(new DataView(encoded.buffer), 0, value);
        return Buffer.from(encoded).toString('hex');
      };
      const asMade = Buffer.from(made).toString('hex');
      const decoded = codec.decode(new DataView(made.buffer, made.byteOffset), 0);
      assertHolds(decoded, sample.value, line);
      assert.equal(encode(sample.value), asMade, line);
      assert.equal(encode(decoded), asMade, line);
    });
  });
}
