import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readElf } from '../elf/elf.js';
import { fixture } from '../object/fixtures.test.support.js';
import { readObject } from '../object/read.js';
import { type Btf, readBtf } from './btf.js';

const strings = '\0int\0a\0b\0';
const [nameInt, nameA, nameB] = [1, 5, 7];
const kind = (number: number, length = 0) => ((number << 24) | length) >>> 0;

/** BTF with the given 32-bit words as types. */
function made(...words: number[]): Btf {
  const text = new TextEncoder().encode(strings);
  const bytes = new Uint8Array(24 + words.length * 4 + text.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x0001eb9f, true);
  const header = [24, 0, words.length * 4, words.length * 4, text.length];
  for (const [at, word] of header.entries()) view.setUint32(4 + at * 4, word, true);
  for (const [at, word] of words.entries()) view.setUint32(24 + at * 4, word, true);
  bytes.set(text, 24 + words.length * 4);
  return readBtf(bytes, 'made');
}

const int = [nameInt, kind(1), 4, 0x0100_0020];
const typedefTo = (name: number, type: number) => [name, kind(8), type];
const pointerTo = (type: number) => [0, kind(2), type];
const arrayOf = (type: number, length: number) => [0, kind(3), 0, type, 1, length];

test('names are written as in C', () => {
  const { btf } = readObject(fixture('calls'), 'calls.bpf.o');
  assert.ok(btf);
  const names = Array.from({ length: btf.count }, (_, id) => btf.nameOf(id));
  for (const name of ['void', 'int', 'struct xdp_md', 'struct xdp_md *', '__u32', 'volatile const __u32', '__u8[6]']) {
    assert.ok(names.includes(name), `${name} in ${names.join(', ')}`);
  }
  // 1 int, 2 int[3], 3 int[2][3], 4 pointer to it, 5 function, 6 pointer to it, 7 const 6
  const shapes = made(...int, ...arrayOf(1, 3), ...arrayOf(2, 2), ...pointerTo(3), 0, kind(13), 1, ...pointerTo(5));
  assert.deepEqual(
    [3, 4, 6].map((id) => shapes.nameOf(id)),
    ['int[2][3]', 'int (*)[2][3]', 'int (*)()'],
  );
});

test('sizes and resolved types', () => {
  const btf = made(
    ...int,
    ...typedefTo(nameA, 1),
    ...arrayOf(2, 3),
    ...typedefTo(nameB, 3),
    ...arrayOf(4, 5),
    ...pointerTo(5),
  );
  assert.deepEqual(
    [1, 2, 3, 4, 5, 6].map((id) => btf.sizeOf(id)),
    [4, 4, 12, 12, 60, 8],
  );
  assert.deepEqual(
    [1, 2, 4].map((id) => btf.resolve(id)),
    [1, 1, 3],
  );
  assert.throws(() => btf.sizeOf(0), { code: 'MALFORMED', message: /\(void\) has no size/ });
});

test('a type is found by kind and whole name', () => {
  const btf = made(...int, ...typedefTo(nameA, 1), ...typedefTo(nameInt, 1));
  assert.equal(btf.find('int', 'int'), 1);
  assert.equal(btf.find('typedef', 'int'), 3);
  assert.equal(btf.find('typedef', 'in'), undefined);
  assert.equal(btf.find('typedef', 'intx'), undefined);
  assert.equal(btf.find('struct', 'a'), undefined);
});

test('circles, overflows and ids that do not exist end in an error', () => {
  const circle = made(...typedefTo(nameA, 2), ...typedefTo(nameB, 1));
  assert.throws(() => circle.resolve(1), { code: 'MALFORMED', message: /chain of types without an end/ });
  assert.throws(() => circle.sizeOf(2), { code: 'MALFORMED' });
  assert.equal(circle.nameOf(1), 'a');
  const endless = made(...arrayOf(1, 2));
  assert.throws(() => endless.sizeOf(1), { code: 'MALFORMED' });
  assert.equal(typeof endless.nameOf(1), 'string');
  const self = made(0, kind(13), 2, ...pointerTo(1));
  assert.equal(typeof self.nameOf(2), 'string');
  const huge = made(...int, ...arrayOf(1, 0xffff_ffff), ...arrayOf(2, 0xffff_ffff));
  assert.throws(() => huge.sizeOf(3), { code: 'MALFORMED', message: /more than any value can have/ });
  assert.throws(() => huge.type(4), { code: 'MALFORMED', message: /type 4 is asked for, 4 exist/ });
  assert.throws(() => made(...typedefTo(nameA, 77)).resolve(1), { code: 'MALFORMED' });
  assert.throws(() => made(...typedefTo(999, 0)).type(1), { code: 'MALFORMED' });
});

test('a damaged table of types is refused when opened', () => {
  assert.throws(() => made(nameA, kind(31), 0), { code: 'MALFORMED', message: /unknown kind 31/ });
  assert.throws(() => made(nameA, kind(0), 0), { code: 'MALFORMED', message: /unknown kind 0/ });
  assert.throws(() => made(nameA, kind(4, 2), 8, 0, 1, 0), { code: 'MALFORMED', message: /type 1 is cut off/ });
  assert.throws(() => made(nameA), { code: 'MALFORMED', message: /a type is cut off/ });
});

test('sections are laid out by the symbols and sorted, as the kernel wants them', () => {
  const { btf } = readObject(fixture('calls'), 'calls.bpf.o');
  assert.ok(btf);
  const elf = readElf(fixture('calls'), 'calls.bpf.o');
  for (const id of btf.idsOf('section')) {
    const section = btf.type(id);
    assert.ok(section.kind === 'section');
    assert.equal(section.size, elf.sections.find(({ name }) => name === section.name)?.size);
    let end = 0;
    for (const { offset, size, type } of section.variables) {
      assert.ok(offset >= end, `${section.name}: ${btf.nameOf(type)} at ${offset} overlaps what ends at ${end}`);
      end = offset + size;
    }
    assert.ok(end <= section.size);
  }
  const concealed = btf.find('function', 'concealed');
  const type = btf.type(concealed ?? 0);
  assert.ok(type.kind === 'function' && type.linkage === 'static', 'a hidden function is static to the kernel');
});
