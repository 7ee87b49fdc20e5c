import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readBtf } from './btf.js';
import { essentialName } from './names.js';
import type { TypeId } from './types.js';

/** BTF of structs and functions without members, by name. */
function btfOf(types: readonly { readonly name: string; readonly function?: boolean }[], littleEndian: boolean) {
  const strings = new TextEncoder().encode(`\0${types.map(({ name }) => `${name}\0`).join('')}`);
  const view = new DataView(new ArrayBuffer(24 + types.length * 12 + strings.length));
  view.setUint16(0, 0xeb9f, littleEndian);
  view.setUint8(2, 1);
  const words = [24, 0, types.length * 12, types.length * 12, strings.length];
  for (const [index, word] of words.entries()) view.setUint32(4 + index * 4, word, littleEndian);
  let nameOffset = 1;
  for (const [index, { name, function: isFunction }] of types.entries()) {
    view.setUint32(24 + index * 12, nameOffset, littleEndian);
    view.setUint32(24 + index * 12 + 4, (isFunction ? 12 : 4) << 24, littleEndian);
    nameOffset += new TextEncoder().encode(name).length + 1;
  }
  const bytes = new Uint8Array(view.buffer);
  bytes.set(strings, bytes.length - strings.length);
  return readBtf(bytes, 'test');
}

test('a flavour is what follows the last three underscores', () => {
  const names = {
    task: 'task',
    task___old: 'task',
    a___b___c: 'a___b',
    a____b: 'a____b',
    ___b: '___b',
    a___: 'a___',
    a___b___: 'a',
    a_b___c_d: 'a_b',
    '': '',
  };
  for (const [name, essential] of Object.entries(names)) assert.equal(essentialName(name), essential, name);
});

test('types are found by essential name, in order, functions left out', () => {
  const piece = fc.constantFrom('a', 'b', '_', '__', '___', '____', 'ab', 'x'.repeat(39), 'é');
  const name = fc.array(piece, { minLength: 1, maxLength: 6 }).map((pieces) => pieces.join(''));
  const type = fc.record({ name, function: fc.boolean() });
  fc.assert(
    fc.property(fc.array(type, { maxLength: 30 }), name, fc.boolean(), (types, other, littleEndian) => {
      const btf = btfOf(types, littleEndian);
      for (const wanted of [other, ...types.map((each) => each.name)]) {
        const expected: TypeId[] = types.flatMap((each, index) =>
          !each.function && essentialName(each.name) === essentialName(wanted) ? [index + 1] : [],
        );
        assert.deepEqual(btf.idsNamed(wanted), expected, wanted);
      }
    }),
  );
});
