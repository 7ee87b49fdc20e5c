import assert from 'node:assert/strict';
import { test } from 'node:test';
import { XdpkitError } from '../errors/error.js';
import { addressesOf } from './host.js';
import { checkLabName, netnsNameOf, randomLabName } from './lab-name.js';
import { isAlive, thisProcess } from './maker.js';

test('names of labs', () => {
  for (const name of ['a', 'lab-1', 'A.b_c-d', '0', 'x'.repeat(64), randomLabName()]) checkLabName(name);
  for (const name of ['', '.', '..', '-a', '_a', 'a/b', 'a b', 'ä', 'a\n', 'a\0', 'x'.repeat(65), '../x']) {
    assert.throws(
      () => checkLabName(name),
      (error) => error instanceof XdpkitError && error.code === 'USAGE',
      JSON.stringify(name),
    );
  }
  assert.notEqual(randomLabName(), randomLabName());
  assert.equal(netnsNameOf('a', 'left'), 'a-left');
});

test("a host's addresses follow from the lab's prefixes", () => {
  const tutorial = { ipv4: '10.11.1.0/24', ipv6: 'fc00:dead:cafe:1::/64' };
  assert.deepEqual(addressesOf(tutorial, 'left'), {
    ipv4: '10.11.1.1',
    ipv4Length: 24,
    ipv6: 'fc00:dead:cafe:1::1',
    ipv6Length: 64,
  });
  assert.equal(addressesOf({ ipv4: '192.0.2.4/30', ipv6: '2001:db8::4/126' }, 'right').ipv4, '192.0.2.6');
  assert.equal(addressesOf({ ipv4: '192.0.2.4/30', ipv6: '2001:db8::4/126' }, 'right').ipv6, '2001:db8::6');
});

test('a maker is told apart from a later process with its id', { skip: process.platform !== 'linux' }, () => {
  const maker = thisProcess();
  assert.equal(isAlive(maker), true);
  assert.equal(isAlive({ ...maker, startTime: '1' }), false);
  assert.equal(isAlive({ ...maker, bootId: 'another' }), false);
  assert.equal(isAlive({ ...maker, pid: 4_194_304 }), false);
});
