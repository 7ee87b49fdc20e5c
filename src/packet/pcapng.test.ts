import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FormatError } from '../errors/error.js';
import { blockType, isPcapng, readPcapng } from './pcapng.js';
import { writePcapng } from './pcapng-write.js';

const options = fc.array(
  fc.record({ code: fc.integer({ min: 2000, max: 65535 }), value: fc.uint8Array({ maxLength: 9 }) }),
  { maxLength: 3 },
);
const files = fc
  .record({
    options,
    interfaces: fc.array(
      fc.record({ linkType: fc.nat(300), name: fc.constantFrom('veth0', 'eth1:f()@fentry'), options }),
      {
        minLength: 1,
        maxLength: 3,
      },
    ),
    packets: fc.array(
      fc.record({
        interface: fc.constant(0),
        timestamp: fc.bigInt({ min: 0n, max: 2n ** 63n }),
        data: fc.uint8Array({ maxLength: 70 }),
        originalLength: fc.nat(2000),
        options,
      }),
      { maxLength: 5 },
    ),
  })
  // Objects as a reader makes them: with a prototype.
  .map((file) => structuredClone(file));

/** The same file in the other byte order: only what the tests above write is turned. */
function turned(bytes: Uint8Array): Uint8Array {
  const from = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const result = bytes.slice();
  const to = new DataView(result.buffer);
  const word = (at: number): number => {
    to.setUint32(at, from.getUint32(at, true));
    return from.getUint32(at, true);
  };
  const half = (at: number): number => {
    to.setUint16(at, from.getUint16(at, true));
    return from.getUint16(at, true);
  };
  for (let at = 0; at < bytes.length; ) {
    const type = word(at);
    const length = word(at + 4);
    word(at + length - 4);
    let inner = at + 8;
    if (type === blockType.section) {
      word(inner);
      half(inner + 4);
      half(inner + 6);
      inner += 16;
    } else if (type === blockType.interface) {
      half(inner);
      word(inner + 4);
      inner += 8;
    } else {
      for (let field = 0; field < 5; field += 1) word(inner + field * 4);
      inner += 20 + ((from.getUint32(inner + 12, true) + 3) & ~3);
    }
    while (inner < at + length - 4) {
      half(inner);
      inner += 4 + ((half(inner + 2) + 3) & ~3);
    }
    at += length;
  }
  return result;
}

test('what is written is read, in either byte order, and twice in a file', () => {
  fc.assert(
    fc.property(files, fc.boolean(), (file, big) => {
      const written = writePcapng(file);
      const bytes = big ? turned(written) : written;
      assert.ok(isPcapng(bytes));
      const read = readPcapng(bytes, 'x.pcapng');
      assert.deepEqual(read.packets, file.packets);
      assert.deepEqual(read.options, file.options);
      const wanted = file.interfaces.map(({ linkType, name }) => [linkType, name]);
      assert.deepEqual(
        read.interfaces.map(({ linkType, name }) => [linkType, name]),
        wanted,
      );
      assert.deepEqual(
        read.interfaces.map((each) => each.options.slice(2)),
        file.interfaces.map((each) => each.options),
      );
      const twice = readPcapng(Uint8Array.of(...bytes, ...written), 'x.pcapng');
      const later = file.packets.map((packet) => ({ ...packet, interface: file.interfaces.length }));
      assert.deepEqual(twice.packets, [...file.packets, ...later]);
    }),
  );
});

test('times of other resolutions, and packets without a time', () => {
  const file = writePcapng({ interfaces: [{}], packets: [{ data: new Uint8Array(5), timestamp: 3_000_000n }] });
  // The resolution stands in the interface block behind 28 bytes of section, 8 + 8 of its own and 4 of the option.
  const at = 28 + 20;
  const times = [6, 9, 3, 0x80].map((value) => {
    const bytes = file.slice();
    bytes[at] = value;
    return readPcapng(bytes, 'x').packets[0]?.timestamp;
  });
  assert.deepEqual(times, [3_000_000_000n, 3_000_000n, 3_000_000_000_000n, 3_000_000_000_000_000n]);
  const simple = new Uint8Array(24);
  const view = new DataView(simple.buffer);
  for (const [index, word] of [3, 24, 6].entries()) view.setUint32(index * 4, word, true);
  view.setUint32(20, 24, true);
  const [packet] = readPcapng(Uint8Array.of(...writePcapng({ interfaces: [{}], packets: [] }), ...simple), 'x').packets;
  assert.deepEqual([packet?.timestamp, packet?.data.length], [undefined, 6]);
});

test('damage is a FormatError or another file, never anything else', () => {
  const packets = [
    { data: new Uint8Array(9) },
    { data: new Uint8Array(14), options: [{ code: 1, value: new Uint8Array(3) }] },
  ];
  const bytes = writePcapng({ interfaces: [{ name: 'veth0' }], packets });
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { maxLength: 3 }),
      fc.nat(bytes.length),
      (changes, length) => {
        const damaged = bytes.slice(0, length);
        for (const [at, byte] of changes) if (at < length) damaged[at] = byte;
        try {
          readPcapng(damaged, 'x');
        } catch (error) {
          if (!(error instanceof FormatError)) throw error;
        }
      },
    ),
    { numRuns: 5000 },
  );
  assert.throws(() => readPcapng(new Uint8Array(40), 'x'), /no pcapng file/);
});
