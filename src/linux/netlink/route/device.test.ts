import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FormatError } from '../../../errors/error.js';
import { encodeMessage, PayloadWriter, readMessages } from '../message.js';
import { linkAttribute, linkInfo, readDevice } from './device.js';

const payload = new PayloadWriter()
  .u32(0)
  .i32(7)
  .u32(0x1_1043)
  .u32(0)
  .attributeString(linkAttribute.name, 'veth0')
  .attributeU32(linkAttribute.mtu, 1500)
  .attributeU8(linkAttribute.operationalState, 6)
  .attributeU32(linkAttribute.link, 9)
  .attribute(linkAttribute.address, Uint8Array.of(2, 0, 0x5e, 0x10, 0, 1))
  .nest(linkAttribute.info, (info) => info.attributeString(linkInfo.kind, 'veth'))
  .nest(linkAttribute.xdp, (xdp) => xdp.attributeU8(2, 4).attributeU32(4, 0).attributeU32(5, 41).attributeU32(6, 42));
const datagram = encodeMessage(16, 0, 1, payload.finish());

function read(bytes: Uint8Array) {
  const [message] = readMessages(bytes);
  return message && readDevice(message);
}

test('a link message with programs in two places', () => {
  assert.deepEqual(read(datagram), {
    index: 7,
    name: 'veth0',
    kind: 'veth',
    flags: { up: true, loopback: false, running: true, promiscuous: false, multicast: true, lowerUp: true },
    operationalState: 'up',
    mtu: 1500,
    address: '02:00:5e:10:00:01',
    master: undefined,
    linkIndex: 9,
    numRxQueues: 1,
    numTxQueues: 1,
    xdp: {
      attached: 'several',
      programs: [
        { mode: 'native', id: 41 },
        { mode: 'generic', id: 42 },
      ],
    },
  });
});

test('a damaged link message is a device or a FormatError', () => {
  const damage = fc.array(fc.tuple(fc.nat(datagram.length - 1), fc.nat(255)), { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(damage, fc.integer({ min: 0, max: datagram.length }), fc.boolean(), (changes, length, cut) => {
      const bytes = Uint8Array.from(datagram);
      for (const [at, value] of changes) bytes[at] = value;
      try {
        read(cut ? bytes.subarray(0, length) : bytes);
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
      }
    }),
    { numRuns: 20_000 },
  );
});
