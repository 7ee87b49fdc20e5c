import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { XdpkitError } from '../errors/error.js';
import { buildPacket } from './build.js';
import { describePacket } from './describe.js';
import { hexOf } from './field.js';
import { layers } from './layers/layers.js';
import { packetExamples } from './packet-examples.test.support.js';
import { PacketSyntaxError } from './syntax.js';

const built = (text: string): string => hexOf(buildPacket(text));

test('a packet by hand, byte for byte', () => {
  assert.equal(
    built('eth/ip dst 10.0.0.1/udp dport 53'),
    // UDP's checksum: of addresses c000 0201 0a00 0001, 0011 0008, ports 9c40 0035, length 0008.
    '020000000002' +
      '020000000001' +
      '0800' +
      '4500001c00000000' +
      '4011' +
      'aecf' +
      'c0000201' +
      '0a000001' +
      '9c40003500089766',
  );
  assert.equal(built('data 0x0102/data "a\\n\\x00"/zeros 2'), '0102610a000000');
});

test('what is left out is put in', () => {
  const same = [
    ['udp', 'eth/ip/udp'],
    ['ip6/udp', 'eth/ip6/udp'],
    ['icmp6', 'eth/ip6/icmp6'],
    ['vxlan', 'eth/ip/udp/vxlan'],
    ['vxlan/icmp', 'eth/ip/udp dport 4789/vxlan/eth/ip/icmp'],
    ['vlan id 5/arp', 'eth/vlan id 5/arp'],
    ['ip/tcp flags syn mss 1460', 'eth type ip/ip proto tcp ihl 5 len 44/tcp offset 6 options 0x020405b4 flags syn'],
    ['ip tos 0xb9', 'ip dscp 46 ecn 1'],
    ['fragment offset 1480', 'ip6/fragment offset 1480'],
  ];
  for (const [left = '', right = ''] of same) assert.equal(built(left), built(right), left);
});

test('wrong lengths and checksums can be asked for', () => {
  assert.match(built('ip len 9/udp sum 0'), /^.{28}45000009.*0000$/);
  const right = describePacket(buildPacket('udp sum wrong/data "x"')).layers.find(({ name }) => name === 'udp');
  const sum = right?.fields.find(({ name }) => name === 'sum');
  assert.ok(sum?.expected !== undefined && sum.expected !== sum.text);
  assert.equal(describePacket(buildPacket('gre flags c')).layers.at(-1)?.text, 'gre flags c');
});

test('every example reads back in its words, which build the same bytes', () => {
  const met = new Set<string>();
  for (const text of packetExamples) {
    const bytes = buildPacket(text);
    const description = describePacket(bytes);
    for (const { name } of description.layers) met.add(name);
    assert.equal(hexOf(buildPacket(description.text)), hexOf(bytes), `${text} → ${description.text}`);
    for (const { fields } of description.layers)
      for (const { expected } of fields) assert.equal(expected, undefined, text);
  }
  assert.deepEqual(
    [...layers.keys()].filter((name) => !met.has(name)),
    [],
    'layers that no example has',
  );
});

test('any bytes have words that build them', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...packetExamples),
      fc.array(fc.tuple(fc.nat(300), fc.nat(255)), { maxLength: 6 }),
      fc.nat(400),
      (text, changes, length) => {
        const bytes = buildPacket(text).slice(0, length);
        for (const [at, byte] of changes) if (at < bytes.length) bytes[at] = byte;
        const description = describePacket(bytes);
        assert.equal(hexOf(buildPacket(description.text)), hexOf(bytes), description.text);
        const covered = description.layers.reduce((sum, layer) => sum + layer.length, 0);
        assert.equal(covered, bytes.length);
      },
    ),
    { numRuns: 5000 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
      assert.equal(hexOf(buildPacket(describePacket(bytes).text)), hexOf(bytes));
    }),
    { numRuns: 2000 },
  );
});

test('a packet of nothing but labels is described in the time of others', () => {
  const bytes = buildPacket(`eth type mpls/data 0x${'00010040'.repeat(16_000)}`);
  const { layers: found, text } = describePacket(bytes);
  assert.ok(found.length < 100);
  assert.equal(hexOf(buildPacket(text)), hexOf(bytes));
});

test('any words are a packet or a PacketSyntaxError at one of them', () => {
  const words = fc.constantFrom(
    ...layers.keys(),
    'data',
    'zeros',
    'random',
    'trailer',
    'seed',
    'dst',
    'flags',
    'syn',
    'len',
    'sum',
    'wrong',
    '0',
    '1',
    '70000',
    '0x1',
    '0x0102',
    '"a/b"',
    '"',
    '"\\q"',
    '/',
    '/',
    '10.0.0.1',
    '::1',
    'mss',
    'key',
    'type',
    'id',
    '-',
  );
  fc.assert(
    fc.property(fc.array(words, { maxLength: 12 }), (parts) => {
      const text = parts.join(' ');
      try {
        buildPacket(text);
      } catch (error) {
        if (error instanceof PacketSyntaxError)
          assert.ok(error.offset >= 0 && error.offset + error.length <= text.length);
        else assert.ok(error instanceof XdpkitError && error.code === 'USAGE', String(error));
      }
    }),
    { numRuns: 10_000 },
  );
});

test('errors point at the word', () => {
  const refusal = (text: string): PacketSyntaxError => {
    try {
      buildPacket(text);
    } catch (error) {
      if (error instanceof PacketSyntaxError) return error;
      throw error;
    }
    throw new Error(`${text} was built`);
  };
  const unknown = refusal('eth/ip dts 10.0.0.1');
  assert.deepEqual([unknown.offset, unknown.length], [7, 3]);
  assert.match(unknown.message, /^packet, at "dts", character 8: ip has no field of that name\n.*\n {9}\^\^\^$/);
  assert.match(unknown.hint ?? '', /^ip has version, ihl, .*src, dst, options, tos\.$/);
  assert.match(refusal('eth/ipp').message, /no such layer/);
  assert.match(refusal('eth/ip ttl 256').message, /ttl takes 0 to 255/);
  assert.match(refusal('ip offset 9').message, /multiples of 8/);
  assert.match(refusal('tcp flags sin').message, /"sin" is none of syn, fin/);
  assert.match(refusal('ip6 dst 10.0.0.1').message, /no IPv6 address/);
  assert.match(refusal('eth/').message, /a layer without a name/);
  assert.match(refusal('udp dport').message, /dport without a value/);
  assert.match(refusal('ip/trailer zeros 4/udp').message, /at "udp", .* only trailers/);
  assert.throws(() => buildPacket('icmp type unreachable id 5'), /icmp has no id when its other fields are as given/);
  assert.match(refusal('eth/eth').message, /eth cannot stand in eth/);
  assert.match(refusal('data "a').message, /without an end/);
});
