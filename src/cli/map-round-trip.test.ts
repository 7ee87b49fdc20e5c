/** What `map dump --json` prints, `map set` takes back to the same bytes: values of random types, as clang lays them out. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Btf } from '../btf/btf.js';
import { compileCodec } from '../btf/codec.js';
import { shapeOf } from '../btf/shape.js';
import { generator } from '../bytes/random.test.support.js';
import { openText } from '../object/compile-text.test.support.js';
import { jsonForm } from '../values/json-value.js';
import { parseValue } from '../values/parse-value.js';
import { toJson } from './json.js';

const below = generator(20_261_121);
const pick = <T>(choices: readonly T[]): T => choices[below(choices.length)] as T;

const scalars = [
  '__u8',
  '__s8',
  '__u16',
  '__s16',
  '__u32',
  '__s32',
  '__u64',
  '__s64',
  '__be16',
  '__be32',
  '__be64',
  '_Bool',
  'char',
  'float',
  'double',
  'enum small',
  'enum wide',
  'void *',
  'unsigned __int128',
  '__int128',
] as const;
const bitfields = ['__u8', '__u16', '__u32', '__s32', '__u64', '__s64', '_Bool', 'enum small'] as const;
const widths: Readonly<Record<string, number>> = { __u8: 8, __u16: 16, _Bool: 1, __u64: 64, __s64: 64 };

let names = 0;

function field(depth: number): string {
  const name = `f${names++}`;
  const kind = below(12);
  if (kind === 0 && depth < 3) return `${composite('struct', depth + 1)} ${name};`;
  if (kind === 1 && depth < 3) return `${composite('union', depth + 1)} ${name}${pick(['', '[2]', '[3][2]'])};`;
  if (kind === 2 && depth < 3) return `${composite(pick(['struct', 'union']), depth + 1)};`;
  if (kind === 3) {
    const type = pick(bitfields);
    return `${type} ${name} : ${1 + below(widths[type] ?? 32)};`;
  }
  if (kind === 4) return `char ${name}[${1 + below(12)}];`;
  if (kind === 5) return `unsigned char ${name}[${pick([4, 6, 16, 3])}];`;
  if (kind === 6) return `struct in6_addr ${name};`;
  if (kind === 7) return `${pick(scalars)} ${name}[${1 + below(3)}][${1 + below(3)}];`;
  return `${pick(scalars)} ${name};`;
}

function composite(kind: string, depth: number): string {
  return `${kind} { ${Array.from({ length: 1 + below(depth === 0 ? 9 : 4) }, () => field(depth)).join(' ')} }`;
}

const count = 60;
const declarations = Array.from({ length: count }, (_, index) => `${composite('struct', 0)} v${index} = {};`);
const source = `#include <linux/types.h>
#include <linux/in6.h>
enum small { NONE, SOME = 5, BELOW = -3 };
enum wide { LARGE = 0x123456789abcdef, LESS = 1 };
${declarations.join('\n')}`;
const btf = openText(source).spec.btf as Btf;

test('values of random types, of random bytes', () => {
  let printed = 0;
  for (let index = 0; index < count; index += 1) {
    const variable = btf.type(btf.find('variable', `v${index}`) as number);
    assert(variable.kind === 'variable');
    const codec = compileCodec(btf, variable.type, { name: 'value', code: 'VALUE_SHAPE' });
    const shape = shapeOf(btf, variable.type);
    const bytes = new Uint8Array(codec.size);
    const view = new DataView(bytes.buffer);
    for (let turn = 0; turn < 50; turn += 1) {
      const density = pick([1, 4, 0]);
      for (let at = 0; at < bytes.length; at += 1) bytes[at] = density === 0 || below(density) > 0 ? 0 : below(256);
      // Padding, what follows a string's end, and the like have no place in a value.
      codec.encode(view, 0, codec.decode(view, 0));
      const before = bytes.slice();
      const read = (): string => toJson(jsonForm(shape)(codec.decode(view, 0)));
      const json = read();
      bytes.fill(0);
      codec.encode(view, 0, parseValue(json, shape));
      // There are many NaN, of which JSON can name one.
      if (json.includes('"NaN"')) assert.equal(read(), json);
      else assert.deepEqual(bytes, before, `${declarations[index]}\n${json}`);
      printed += json.length;
    }
  }
  assert.ok(printed > 100_000);
});

test('numbers that JSON has no words for', () => {
  for (const number of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 0.1]) {
    const json = toJson(jsonForm({ kind: 'float' })(number));
    assert.ok(Object.is(parseValue(json, { kind: 'float' }), number), json);
  }
});
