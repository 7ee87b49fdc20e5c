import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FormatError } from '../errors/error.js';
import { isPcap, readPcap } from './pcap.js';

interface Written {
  readonly littleEndian: boolean;
  readonly nanoseconds: boolean;
  readonly packets: readonly Uint8Array[];
}

function writePcap({ littleEndian, nanoseconds, packets }: Written, linkType = 1): Uint8Array {
  const words = (...numbers: number[]): number[] => {
    const view = new DataView(new ArrayBuffer(numbers.length * 4));
    for (const [index, number] of numbers.entries()) view.setUint32(index * 4, number, littleEndian);
    return [...new Uint8Array(view.buffer)];
  };
  const magic = nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4;
  const head = words(magic, littleEndian ? 0x0004_0002 : 0x0002_0004, 0, 0, 65535, linkType);
  const frames = packets.flatMap((packet) => [...words(1, 2, packet.length, packet.length + 9), ...packet]);
  return Uint8Array.from([...head, ...frames]);
}

const written: fc.Arbitrary<Written> = fc.record({
  littleEndian: fc.boolean(),
  nanoseconds: fc.boolean(),
  packets: fc.array(fc.uint8Array({ maxLength: 80 }), { maxLength: 5 }),
});

test('packets come back, of either byte order and resolution', () => {
  fc.assert(
    fc.property(written, (file) => {
      const bytes = writePcap(file);
      assert.ok(isPcap(bytes));
      assert.deepEqual(
        readPcap(bytes, 'x.pcap').map((packet) => [...packet]),
        file.packets.map((packet) => [...packet]),
      );
    }),
  );
});

test('a file that is cut off is refused, wherever it is cut', () => {
  const bytes = writePcap({ littleEndian: true, nanoseconds: false, packets: [new Uint8Array(20)] });
  for (let length = 4; length < bytes.length; length += 1) {
    if (length !== 24) assert.throws(() => readPcap(bytes.subarray(0, length), 'x.pcap'), FormatError, String(length));
  }
});

test('what is no pcap file of Ethernet is refused by name', () => {
  assert.equal(isPcap(new Uint8Array([1, 2, 3])), false);
  assert.throws(() => readPcap(new Uint8Array(30), 'x.pcap'), /x\.pcap.*no pcap file/);
  const other = writePcap({ littleEndian: false, nanoseconds: false, packets: [] }, 113);
  assert.throws(() => readPcap(other, 'x.pcap'), /packets of link type 113/);
});
