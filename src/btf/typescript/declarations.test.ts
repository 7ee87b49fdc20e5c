/** Declarations against what codecs decode: written down as literals, the compiler takes the values for what is declared. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import ts from 'typescript';
import { generator } from '../../bytes/random.test.support.js';
import { type Btf, readBtf } from '../btf.js';
import { type BtfValue, compileCodec } from '../codec.js';
import { randomTypes } from '../random.test.support.js';
import type { BtfType, TypeId } from '../types.js';
import { writeBtf } from '../write.js';
import { TypeScriptDeclarations, writeTypeScript } from './declarations.js';

/** What the compiler says of a module, at its strictest. */
function complaints(text: string): string[] {
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2023.d.ts'],
    exactOptionalPropertyTypes: true,
    types: [],
  };
  const host = ts.createCompilerHost(options);
  const read = host.getSourceFile.bind(host);
  host.getSourceFile = (name, ...rest) =>
    name === 'module.ts' ? ts.createSourceFile(name, text, ts.ScriptTarget.ES2022) : read(name, ...rest);
  const program = ts.createProgram(['module.ts'], options, host);
  return ts.getPreEmitDiagnostics(program).map(({ messageText, file, start }) => {
    const line = file && start !== undefined ? file.getLineAndCharacterOfPosition(start).line : 0;
    return `${ts.flattenDiagnosticMessageText(messageText, ' ')}: ${text.split('\n')[line]}`;
  });
}

/** A literal has each of its properties checked: none may be missing, and none be too many. */
function literal(value: BtfValue): string {
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'string') return JSON.stringify(value);
  if (value instanceof Uint8Array) return `Uint8Array.of(${value.join(', ')})`;
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`;
  if (typeof value !== 'object') return Object.is(value, -0) ? '-0' : String(value);
  return `{ ${Object.entries(value)
    .map(([name, each]) => `${JSON.stringify(name)}: ${literal(each)}`)
    .join(', ')} }`;
}

function decodable(btf: Btf): TypeId[] {
  const kinds = ['struct', 'union', 'int', 'float', 'enum', 'enum64', 'pointer', 'array'];
  return Array.from({ length: btf.count }, (_, id) => id).filter((id) => {
    const resolved = btf.type(btf.resolve(id));
    return kinds.includes(resolved.kind) && !(resolved.kind === 'array' && resolved.length > 64);
  });
}

/** Each type with a value of random bytes. */
function moduleOf(btf: Btf, seed: number): string {
  const random = generator(seed);
  const declarations = new TypeScriptDeclarations(btf);
  const values = decodable(btf).map((id) => {
    const codec = compileCodec(btf, id, { name: 'value', code: 'VALUE_SHAPE' });
    const bytes = Uint8Array.from({ length: codec.size }, () => random(256));
    const value = codec.decode(new DataView(bytes.buffer), 0);
    return `export const value${id}: ${declarations.typeOf(id)} = ${literal(value)};`;
  });
  return `${declarations.text()}\n${values.join('\n')}`;
}

test('random types: what is decoded is what is declared, no more and no less', { timeout: 300_000 }, () => {
  for (let run = 0; run < 5; run++) {
    const seed = Math.floor(Math.random() * 2 ** 31);
    const btf = readBtf(writeBtf(randomTypes(generator(seed), 300)), 'random');
    assert.deepEqual(complaints(moduleOf(btf, seed)), [], `seed ${seed}`);
  }
});

test('the compiler does complain of other values', () => {
  const [int, long]: BtfType[] = [4, 8].map((size) => {
    return { kind: 'int', name: 'int', size, bits: size * 8, bitOffset: 0, signed: true, char: false, bool: false };
  });
  assert.ok(int && long);
  const member = (name: string, type: TypeId, bitOffset: number) => ({ name, type, bitOffset, bitSize: 0 });
  const members = [member('a b', 1, 0), member('b', 2, 64), member('class', 1, 128)];
  const btf = readBtf(writeBtf([int, long, { kind: 'struct', name: '1st_thing', size: 24, members }]), 'made');
  const text = writeTypeScript(btf);
  assert.equal(
    text,
    `/** struct 1st_thing, 24 bytes. */
export interface _1stThing {
  'a b': number;
  b: bigint;
  class: number;
}
`,
  );
  const of = (value: string) => complaints(`${text}\nexport const it: _1stThing = ${value};`);
  assert.deepEqual(of("{ 'a b': 1, b: 2n, class: 3 }"), []);
  for (const wrong of ["{ 'a b': 1, b: 2n }", "{ 'a b': 1, b: 2, class: 3 }", "{ 'a b': 1, b: 2n, class: 3, d: 4 }"]) {
    assert.equal(of(wrong).length, 1, wrong);
  }
});

test('types of one name, typedefs and enums are declared apart', () => {
  const types: BtfType[] = [
    { kind: 'enum', name: 'colour', size: 4, signed: true, values: [{ name: 'RED', value: -1n }] },
    { kind: 'enum64', name: 'wide', size: 8, signed: false, values: [{ name: 'BIG', value: 1n << 40n }] },
    { kind: 'struct', name: '', size: 4, members: [{ name: 'c', type: 1, bitOffset: 0, bitSize: 0 }] },
    { kind: 'typedef', name: 'colour_t', type: 3 },
    { kind: 'struct', name: 'Colour', size: 8, members: [{ name: '*/', type: 2, bitOffset: 0, bitSize: 0 }] },
    { kind: 'struct', name: 'uint8_array', size: 0, members: [] },
    { kind: 'typedef', name: 'tint', type: 1 },
  ];
  const btf = readBtf(writeBtf(types), 'made');
  const text = writeTypeScript(btf, [1, 2, 4, 5, 6, 7]);
  assert.deepEqual(complaints(text), []);
  for (const part of [
    'export const Colour = {\n  RED: -1,\n} as const;\nexport type Colour = number;',
    'export const Wide = {\n  BIG: 1099511627776n,\n} as const;\nexport type Wide = bigint;',
    'export interface ColourT {\n  c: Colour;\n}',
    "export interface Colour2 {\n  '*/': Wide;\n}",
    'export type Uint8Array2 = Record<never, never>;',
    'export type Tint = Colour;',
  ]) {
    assert.ok(text.includes(part), `${part} is missing in ${text}`);
  }
});

test("all of the running kernel's types are declared so that they compile", { timeout: 300_000 }, (context) => {
  const path = '/sys/kernel/btf/vmlinux';
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch {
    context.skip('this kernel was built without BTF');
    return;
  }
  const text = writeTypeScript(readBtf(bytes, path));
  assert.deepEqual(complaints(text), []);
  assert.match(text, /export interface XdpBuff \{\n {2}\/\*\* A pointer\. \*\/\n {2}data: bigint;/);
});
