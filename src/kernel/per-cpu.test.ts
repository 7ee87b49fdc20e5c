import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plainCodec } from '../btf/codec.js';
import { hostIsLittleEndian } from '../bytes/byte-order.js';
import { PerCpu, perCpuCodec } from './per-cpu.js';

const subject = { name: 'value of map "m"', code: 'VALUE_SHAPE' } as const;

test('values of CPUs lie 8 bytes apart at least and come back in order', () => {
  const codec = perCpuCodec(plainCodec(4, hostIsLittleEndian, subject), 3, subject);
  assert.equal(codec.size, 24);
  const view = new DataView(new ArrayBuffer(24));
  codec.encode(view, 0, [1, 2, 0xffff_ffff]);
  const values = codec.decode(view, 0);
  assert.deepEqual([...values], [1, 2, 0xffff_ffff]);
  assert.ok(values instanceof PerCpu);
  assert.equal(values.length, 3);
  assert.throws(() => codec.encode(view, 0, [1, 2]), { code: 'VALUE_SHAPE' });
});

test('sums go field by field and change nothing', () => {
  const values = new PerCpu<{ packets: bigint; sizes: number[]; inner: { drops: number } }>();
  values.push({ packets: 1n, sizes: [1, 2], inner: { drops: 5 } });
  values.push({ packets: 2n, sizes: [10, 20], inner: { drops: 6 } });
  assert.deepEqual(values.sum(), { packets: 3n, sizes: [11, 22], inner: { drops: 11 } });
  assert.deepEqual(values[0], { packets: 1n, sizes: [1, 2], inner: { drops: 5 } });
});

test('what has no sum is refused, also inside of a struct', () => {
  const refused: unknown[] = ['eth0', true, new Uint8Array(4), { name: 'eth0' }];
  for (const value of refused) {
    const values = new PerCpu<unknown>();
    values.push(value, value);
    assert.throws(() => values.sum(), TypeError);
  }
  assert.throws(() => new PerCpu<bigint>().sum(), RangeError);
});

test('map and filter give plain arrays', () => {
  const values = new PerCpu<number>();
  values.push(1, 2);
  assert.deepEqual(
    values.map((value) => value * 2),
    [2, 4],
  );
  assert.equal(values.filter(() => true) instanceof PerCpu, false);
});
