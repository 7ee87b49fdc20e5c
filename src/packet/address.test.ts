import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { XdpkitError } from '../errors/error.js';
import { formatIp, ipVersion, parseIp } from './ip-address.js';
import { formatMac, parseMac } from './mac-address.js';
import { formatPrefix, parseInterfaceAddress, parsePrefix, prefixContains, prefixOf } from './prefix.js';

const isUsageError = (error: unknown): boolean => error instanceof XdpkitError && error.code === 'USAGE';
const addresses = fc.oneof(
  fc.uint8Array({ minLength: 4, maxLength: 4 }),
  fc.uint8Array({ minLength: 16, maxLength: 16 }),
  // Mostly zeroes, so that there are runs to leave out.
  fc.array(fc.constantFrom(0, 0, 0, 1, 255), { minLength: 16, maxLength: 16 }).map((bytes) => Uint8Array.from(bytes)),
);

test('the one way to write an IPv6 address (RFC 5952, section 4)', () => {
  const forms = [
    ['2001:0db8::0001', '2001:db8::1'],
    ['2001:db8:0:0:0:0:2:1', '2001:db8::2:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:DB8::A', '2001:db8::a'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['1::', '1::'],
    ['::ffff:c000:0201', '::ffff:192.0.2.1'],
    ['::FFFF:192.0.2.1', '::ffff:192.0.2.1'],
    ['64:ff9b::192.0.2.1', '64:ff9b::c000:201'],
    ['fc00:dead:cafe:1::1', 'fc00:dead:cafe:1::1'],
  ];
  for (const [text, expected] of forms) assert.equal(formatIp(parseIp(text ?? '')), expected, text);
});

test('every address reads back from its text, and Node agrees that it is one', () => {
  fc.assert(
    fc.property(addresses, (bytes) => {
      const text = formatIp(bytes);
      assert.deepEqual([...parseIp(text)], [...bytes]);
      assert.equal(isIP(text), bytes.length === 4 ? 4 : 6);
    }),
    { numRuns: 2000 },
  );
});

test('what Node takes for no address is refused, and the reverse', () => {
  const pieces = fc.constantFrom(
    '0',
    '1',
    'ff',
    '12345',
    '255',
    '256',
    '01',
    ':',
    '::',
    '.',
    '1.2.3.4',
    'g',
    '%a',
    ' ',
  );
  const texts = fc.array(pieces, { maxLength: 9 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(texts, (text) => {
      // Zones name a device, which an address in a packet has not.
      if (text.includes('%')) assert.equal(ipVersion(text), undefined);
      else assert.equal(ipVersion(text) ?? 0, isIP(text), text);
    }),
    { numRuns: 5000 },
  );
  for (const text of ['', '1.2.3', '1.2.3.4.5', '::1::', '1:2:3:4:5:6:7', ':1', 'veth0']) {
    assert.throws(() => parseIp(text), isUsageError, text);
  }
});

test('MAC addresses', () => {
  assert.equal(formatMac(parseMac('02:00:5E:10:00:01')), '02:00:5e:10:00:01');
  assert.equal(formatMac(parseMac('02-00-5e-10-00-01')), '02:00:5e:10:00:01');
  for (const text of ['02:00:5e:10:00', '02:00:5e:10:00:0g', '02005e100001', '02:00:5e:10:00:01:02']) {
    assert.throws(() => parseMac(text), isUsageError, text);
  }
});

test('prefixes: text, clearing of host bits, and refusals', () => {
  assert.equal(formatPrefix(parsePrefix('10.11.12.13/20')), '10.11.0.0/20');
  assert.equal(formatPrefix(parsePrefix('fc00:dead:cafe:1::1/64')), 'fc00:dead:cafe:1::/64');
  assert.equal(formatPrefix(parsePrefix('10.0.0.1')), '10.0.0.1/32');
  assert.equal(formatPrefix(parsePrefix('255.255.255.255/0')), '0.0.0.0/0');
  assert.equal(formatPrefix(parseInterfaceAddress('10.11.1.1/24')), '10.11.1.1/24');
  for (const text of ['10.0.0.0/33', '::/129', '10.0.0.0/', '10.0.0.0/-1', '10.0.0.0/08', '/8']) {
    assert.throws(() => parsePrefix(text), isUsageError, text);
  }
});

test('a prefix contains exactly the addresses that begin with its bits', () => {
  const bits = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(2).padStart(8, '0')).join('');
  fc.assert(
    fc.property(addresses, addresses, fc.nat(128), (one, other, wanted) => {
      const length = Math.min(wanted, one.length * 8);
      const prefix = prefixOf(one, length);
      assert.ok(prefixContains(prefix, one));
      const expected = one.length === other.length && bits(other).startsWith(bits(one).slice(0, length));
      assert.equal(prefixContains(prefix, other), expected);
    }),
    { numRuns: 2000 },
  );
});
