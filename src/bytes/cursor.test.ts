import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FormatError } from '../errors/error.js';
import { Cursor, readCString } from './cursor.js';

const widths = { u8: 1, u16: 2, u32: 4, i32: 4, u64: 8 } as const;
type Read = keyof typeof widths;

const step = fc.oneof(
  fc.record({ read: fc.constantFrom<Read>('u8', 'u16', 'u32', 'i32', 'u64') }),
  fc.record({ seek: fc.integer({ min: -4, max: 80 }) }),
  fc.record({ take: fc.integer({ min: -4, max: 80 }) }),
);

/** The number that some bytes spell, computed digit by digit. */
function spelled(bytes: Uint8Array, littleEndian: boolean): bigint {
  const ordered = littleEndian ? [...bytes].reverse() : [...bytes];
  return ordered.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
}

test('reads within the window give its bytes; reads beyond it are refused and do not move', () => {
  const property = fc.property(
    fc.uint8Array({ maxLength: 64 }),
    fc.array(step),
    fc.boolean(),
    fc.nat(1000),
    (bytes, steps, littleEndian, base) => {
      const cursor = new Cursor(bytes, 'bytes', { littleEndian, base });
      for (const one of steps) {
        const before = cursor.offset;
        const length = 'read' in one ? widths[one.read] : 'take' in one ? one.take : 0;
        const target = 'seek' in one ? one.seek : before + length;
        const fits = length >= 0 && target >= 0 && target <= bytes.length;
        const act = () => {
          if ('seek' in one) return cursor.seek(one.seek);
          return 'take' in one ? cursor.take(one.take) : cursor[one.read]();
        };
        if (!fits) {
          assert.throws(act, (error) => error instanceof FormatError && error.offset >= base);
          assert.equal(cursor.offset, before);
          continue;
        }
        const result = act();
        assert.equal(cursor.offset, target);
        const expected = bytes.subarray(before, target);
        if ('take' in one) assert.deepEqual(result, expected);
        if (!('read' in one)) continue;
        const number = spelled(expected, littleEndian);
        assert.equal(BigInt(result as number | bigint), one.read === 'i32' ? BigInt.asIntN(32, number) : number);
      }
    },
  );
  fc.assert(property, { numRuns: 500 });
});

test('a window is the bytes asked for, keeps the absolute offset, and cannot be left', () => {
  const property = fc.property(fc.uint8Array({ maxLength: 64 }), fc.nat(70), fc.nat(70), (bytes, offset, length) => {
    const cursor = new Cursor(bytes, 'file', { base: 100 });
    if (offset + length > bytes.length) {
      assert.throws(() => cursor.window(offset, length), FormatError);
      return;
    }
    const window = cursor.window(offset, length, 'part');
    assert.deepEqual(window.bytes, bytes.subarray(offset, offset + length));
    window.seek(length);
    assert.throws(
      () => window.u8(),
      (error) => error instanceof FormatError && error.where === 'part' && error.offset === 100 + offset + length,
    );
  });
  fc.assert(property);
});

test('a size beyond any file is refused', () => {
  assert.equal(new Cursor(new Uint8Array([0, 0, 0, 0, 1, 0, 0, 0]), 'size').size64(), 2 ** 32);
  assert.throws(() => new Cursor(new Uint8Array(8).fill(0xff), 'size').size64(), FormatError);
});

test('strings end at their zero byte, and one without it is refused', () => {
  const property = fc.property(fc.string({ unit: 'grapheme' }), fc.uint8Array({ maxLength: 8 }), (text, before) => {
    const wanted = text.replaceAll('\0', '');
    const encoded = new TextEncoder().encode(wanted);
    const bytes = new Uint8Array([...before, ...encoded, 0, 65]);
    assert.equal(readCString(bytes, before.length, 'names'), wanted);
    const endless = bytes.subarray(0, before.length + encoded.length);
    assert.throws(() => readCString(endless, before.length, 'names'), FormatError);
  });
  fc.assert(property);
});
