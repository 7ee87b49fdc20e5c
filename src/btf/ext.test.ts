import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FormatError } from '../errors/error.js';
import { readBtf } from './btf.js';
import { readBtfExt } from './ext.js';
import { writeBtf } from './write.js';

const byteOrders = ['little', 'big'] as const;
/** A string of the types below, and so the name of a section. */
const section = 'xdp';

/** `.BTF.ext` with function information alone: blocks of records, all of one section, `shift` bytes behind its header. */
function functionInfo(byteOrder: 'little' | 'big', size: number, blocks: readonly (readonly number[])[], shift = 0) {
  const btf = readBtf(writeBtf([{ kind: 'forward', name: section, union: false }], { byteOrder }), 'types');
  const words = [size, ...blocks.flatMap((block) => [1, (block.length * 4) / size, ...block])];
  const bytes = new Uint8Array(32 + shift + words.length * 4);
  const view = new DataView(bytes.buffer);
  const littleEndian = byteOrder === 'little';
  view.setUint16(0, 0xeb9f, littleEndian);
  view.setUint8(2, 1);
  view.setUint32(4, 32, littleEndian);
  view.setUint32(8, shift, littleEndian);
  view.setUint32(12, words.length * 4, littleEndian);
  for (const [index, word] of words.entries()) view.setUint32(32 + shift + index * 4, word, littleEndian);
  return readBtfExt(bytes, btf, 'ext').functions.get(section);
}

test('records are in order of offset, where blocks of a section stand apart and wherever the bytes lie', () => {
  for (const byteOrder of byteOrders) {
    for (const shift of [0, 2]) {
      const records = functionInfo(byteOrder, 8, [[48, 7, 8, 2], [], [16, 3]], shift);
      const expected = [
        { offset: 8, type: 2 },
        { offset: 16, type: 3 },
        { offset: 48, type: 7 },
      ];
      assert.deepEqual(records?.all(), expected);
      const between = (from: number, to: number) => [...(records?.between(from, to) ?? [])];
      assert.deepEqual(between(8, 48), [8, 2, 16, 3]);
      assert.deepEqual(between(9, 49), [16, 3, 48, 7]);
      assert.deepEqual(between(49, 60), []);
    }
  }
});

test('fields that newer compilers append are passed over; a record is a whole number of words', () => {
  const longer = functionInfo('little', 12, [[8, 2, 99, 0, 1, 98]]);
  assert.deepEqual(longer?.all(), [
    { offset: 0, type: 1 },
    { offset: 8, type: 2 },
  ]);
  for (const size of [4, 10]) assert.throws(() => functionInfo('little', size, [[0, 1, 2, 3, 4]]), FormatError);
});
