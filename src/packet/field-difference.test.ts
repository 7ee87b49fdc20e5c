import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { buildPacket } from './build.js';
import { compareFields } from './field-difference.js';
import { packetExamples } from './packet-examples.test.support.js';

const compare = (before: string, after: string) =>
  compareFields(buildPacket(before), buildPacket(after)).map(({ layer, field, before: was, after: is }) =>
    [layer, field, was, is].map((text) => text ?? '').join(' '),
  );

test('a router, a tag and a tunnel', () => {
  assert.deepEqual(compare('ip ttl 64/udp sum 0', 'ip ttl 63/udp sum 0'), ['ip ttl 64 63', 'ip sum 0xf6cd 0xf7cd']);
  assert.deepEqual(compare('ip/udp', 'vlan id 5/ip/udp'), ['eth type ip 0x8100', 'vlan   vlan id 5']);
  assert.deepEqual(compare('vlan id 5/ip/udp', 'ip/udp'), ['eth type 0x8100 ip', 'vlan  vlan id 5 ']);
  const tunnel = compare('eth/ip/udp sum 0', 'eth/ip dst 10.0.0.1/ip/udp sum 0');
  assert.ok(
    tunnel.some((line) => line.startsWith('ip ')),
    tunnel.join('\n'),
  );
  assert.deepEqual(compare('udp sum 0/data "a"', 'udp sum 0/data "b"'), ['data  data "a" data "b"']);
});

test('nothing differs from itself, and of different packets something does', () => {
  const packets = fc.constantFrom(...packetExamples).map(buildPacket);
  fc.assert(
    fc.property(packets, packets, (one, other) => {
      const same = Buffer.from(one).equals(other);
      assert.equal(compareFields(one, other).length === 0, same);
    }),
  );
});
