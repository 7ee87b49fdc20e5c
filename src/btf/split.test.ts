/** Split BTF: what bpftool makes of the same bytes is the witness. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readElf } from '../elf/elf.js';
import { compileText } from '../object/compile-text.test.support.js';
import { ask } from '../object/fixtures.test.support.js';
import { readBtf } from './btf.js';
import { kindNumbers } from './kinds.js';

const header = 24;

/** BTF of words and strings, whose ids and offsets may go on with those of a base. */
function raw(words: readonly number[], strings: string): Uint8Array {
  const text = new TextEncoder().encode(strings);
  const bytes = new Uint8Array(header + words.length * 4 + text.length);
  const view = new DataView(bytes.buffer);
  [0x0001_eb9f, header, 0, words.length * 4, words.length * 4, text.length, ...words].forEach((word, index) => {
    view.setUint32(index * 4, word, true);
  });
  bytes.set(text, header + words.length * 4);
  return bytes;
}

const source = `struct base { int number; }; struct shared { int a; };
struct base one; struct shared two; int (*three)(struct base *argument);`;

function base() {
  const section = readElf(compileText(source), 'base').sections.find(({ name }) => name === '.BTF');
  assert.ok(section);
  return readBtf(section.data, 'base');
}

test('a module’s types go on with those of the kernel', () => {
  const before = base();
  const { count } = before;
  const struct = before.find('struct', 'base') as number;
  const int = before.find('int', 'int') as number;
  const view = new DataView(before.bytes.buffer, before.bytes.byteOffset);
  const strings = view.getUint32(20, true);
  const nameOfBase = view.getUint32(before.recordOffset(struct), true);
  const { pointer, struct: structKind, 'function-prototype': prototype, function: functionKind } = kindNumbers;
  const own = '\0inner\0of_module\0shared___new\0';
  const at = (name: string) => strings + own.indexOf(`\0${name}\0`) + 1;
  const bytes = raw(
    [
      ...[0, pointer << 24, struct], // count
      ...[at('of_module'), (structKind << 24) | 1, 8, at('inner'), count, 0], // count + 1
      ...[0, (prototype << 24) | 1, int, nameOfBase, count], // count + 2
      ...[at('of_module'), (functionKind << 24) | 1, count + 2], // count + 3
      ...[at('shared___new'), (structKind << 24) | 1, 4, nameOfBase, int, 0], // count + 4
    ],
    own,
  );
  const split = readBtf(bytes, 'module', before);
  assert.equal(split.count, count + 5);
  assert.deepEqual(split.type(struct), before.type(struct));
  assert.deepEqual(split.type(count + 1), {
    kind: 'struct',
    name: 'of_module',
    size: 8,
    members: [{ name: 'inner', type: count, bitOffset: 0, bitSize: 0 }],
  });
  assert.equal(split.nameOf(count), 'struct base *');
  assert.equal(split.sizeOf(count + 1), 8);
  assert.deepEqual(split.type(count + 2), {
    kind: 'function-prototype',
    name: '',
    returns: int,
    parameters: [{ name: 'base', type: count }],
  });
  assert.equal(split.find('struct', 'base'), struct);
  assert.equal(split.findOwn('struct', 'base'), undefined);
  assert.equal(split.find('function', 'of_module'), count + 3);
  assert.deepEqual(split.idsNamed('shared'), [before.find('struct', 'shared'), count + 4]);
  assert.deepEqual([...split.idsOf('function')].slice(-1), [count + 3]);
  assert.equal(split.kind(0), 'void');
  assert.throws(() => split.type(count + 5), /type \d+ is asked for/);
  assert.throws(() => split.string(strings + 1000), { code: 'MALFORMED' });

  const folder = mkdtempSync(join(tmpdir(), 'xdpkit-split-'));
  try {
    const [basePath, modulePath] = [join(folder, 'base'), join(folder, 'module')];
    writeFileSync(basePath, before.bytes);
    writeFileSync(modulePath, bytes);
    const { types } = JSON.parse(ask('bpftool', '--json', '-B', basePath, 'btf', 'dump', 'file', modulePath)) as {
      types: { id: number; name: string }[];
    };
    const named = types.map(({ id, name }) => [id, name]);
    const expected = Array.from({ length: 5 }, (_, index) => [
      count + index,
      split.type(count + index).name || '(anon)',
    ]);
    assert.deepEqual(named, expected);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('split BTF alone, or with a base of the other byte order, is refused', () => {
  assert.throws(() => readBtf(raw([], 'name\0'), 'module'), /begin nor end with a zero byte/);
  const foreign = readElf(compileText(source, { target: 'bpfeb' }), 'base').sections.find(
    ({ name }) => name === '.BTF',
  );
  assert.ok(foreign);
  assert.throws(
    () => readBtf(raw([], ''), 'module', readBtf(foreign.data, 'foreign')),
    /byte order is not that of foreign/,
  );
});
