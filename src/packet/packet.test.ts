import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Cursor } from '../bytes/cursor.js';
import { FormatError } from '../errors/error.js';
import { internetChecksum, pseudoHeader } from './checksum.js';
import { buildEthernet, etherType, readEthernet } from './ethernet.js';
import { buildEcho, readIcmp } from './icmp.js';
import { buildIp, readIp } from './ip.js';
import { verdictName, verdictNumber, verdicts } from './verdict.js';

const network = (bytes: Uint8Array): Cursor => new Cursor(bytes, 'packet', { littleEndian: false });
const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));

test('the checksum of RFC 1071, section 3', () => {
  assert.equal(internetChecksum(bytesOf('0001 f203 f4f5 f6f7')), 0xffff & ~0xddf2);
  assert.equal(internetChecksum(new Uint8Array(0)), 0xffff);
});

test('bytes that carry their checksum sum up to nothing, in one part or in several', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(150), (bytes, at) => {
      const sum = internetChecksum(bytes);
      const padded = bytes.length % 2 ? Uint8Array.of(...bytes, 0) : bytes;
      assert.equal(internetChecksum(padded, Uint8Array.of(sum >> 8, sum & 0xff)), 0);
      const cut = Math.min(at * 2, bytes.length);
      assert.equal(internetChecksum(bytes.subarray(0, cut), bytes.subarray(cut)), sum);
    }),
  );
});

test('an IPv4 header as a known capture has it', () => {
  // The example of the IPv4 header checksum that textbooks use: 172.16.10.99 to 172.16.10.12.
  const header = bytesOf('4500 003c 1c46 4000 4006 b1e6 ac10 0a63 ac10 0a0c');
  assert.equal(internetChecksum(header), 0);
  const { payload, ...packet } = readIp(network(Uint8Array.of(...header, ...new Uint8Array(60))));
  assert.deepEqual(packet, {
    version: 4,
    source: '172.16.10.99',
    destination: '172.16.10.12',
    protocol: 6,
    hopLimit: 64,
  });
  assert.equal(payload.length, 40);
});

for (const [version, source, destination, protocol] of [
  [4, '10.11.1.1', '10.11.1.2', 1],
  [6, 'fc00:dead:cafe:1::1', 'fc00:dead:cafe:1::2', 58],
] as const) {
  test(`an IPv${version} echo in an Ethernet frame reads back as it was built`, () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 100 }),
        fc.nat(0xffff),
        fc.nat(0xffff),
        fc.array(fc.nat(0xfff), { maxLength: 2 }),
        (payload, identifier, sequence, vlans) => {
          const echo = buildEcho({ kind: 'echo-request', identifier, sequence, payload }, source, destination);
          const packet = buildIp({ source, destination, protocol, hopLimit: 64 }, echo);
          const addresses = { destination: '02:00:00:00:00:02', source: '02:00:00:00:00:01' };
          const header = { ...addresses, type: version === 4 ? etherType.ipv4 : etherType.ipv6, vlans };
          const cursor = network(Uint8Array.of(...buildEthernet(header, packet), 0, 0));
          assert.deepEqual(readEthernet(cursor), header);
          const read = readIp(cursor);
          assert.deepEqual([read.version, read.source, read.destination], [version, source, destination]);
          const pseudo =
            version === 6 ? [pseudoHeader(packet.subarray(8, 24), packet.subarray(24, 40), 58, echo.length)] : [];
          assert.equal(internetChecksum(...pseudo, read.payload.bytes), 0);
          const message = readIcmp(read.payload, version);
          assert.ok(message.kind === 'echo-request');
          assert.deepEqual([message.identifier, message.sequence], [identifier, sequence]);
          assert.deepEqual([...message.payload], [...payload]);
        },
      ),
    );
  });
}

test('an ICMP error says what is the matter and gives the packet back', () => {
  const original = buildIp(
    { source: '10.0.0.1', destination: '10.0.0.9', protocol: 1, hopLimit: 64 },
    new Uint8Array(8),
  );
  const message = readIcmp(network(Uint8Array.of(3, 1, 0, 0, 0, 0, 0, 0, ...original)), 4);
  assert.ok(message.kind === 'error');
  assert.equal(message.words, 'host unreachable');
  assert.equal(readIp(message.original).destination, '10.0.0.9');
  const six = readIcmp(network(Uint8Array.of(1, 3, 0, 0, 0, 0, 0, 0)), 6);
  assert.ok(six.kind === 'error' && six.words === 'address unreachable');
  assert.deepEqual(readIcmp(network(Uint8Array.of(135, 0, 0, 0)), 6), { kind: 'other', type: 135, code: 0 });
});

test('any bytes are a packet or a FormatError', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      try {
        const cursor = network(bytes);
        readEthernet(cursor);
        const packet = readIp(cursor);
        readIcmp(packet.payload, packet.version);
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
      }
    }),
    { numRuns: 5000 },
  );
});

test('verdicts by number and name', () => {
  for (const [number, name] of verdicts.entries()) {
    assert.equal(verdictName(number), name);
    assert.equal(verdictNumber(name), number);
  }
  assert.equal(verdictName(5), undefined);
});
