import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { execInHost, labUp } from 'xdpkit';
import { openProjectName } from './project-name.js';

const asRoot = { skip: process.getuid?.() === 0 ? false : 'loading programs needs root' };

/** `xdpkit explain packet` tells how packets are written. */
const packets: [packet: string, verdict: string][] = [
  ['eth/ip/udp dport 53', 'DROP'],
  ['eth/ip6/udp dport 53', 'DROP'],
  ['eth/ip/udp sport 53 dport 1024', 'PASS'],
  ['eth/ip/tcp dport 53', 'PASS'],
  ['eth/arp', 'PASS'],
];

for (const [packet, verdict] of packets) {
  test(`${packet}: ${verdict}`, asRoot, async () => {
    using object = (await openProjectName()).load();
    object.maps.blocked_ports.set(53, 0n);
    assert.equal(object.programs.block_ports.run(packet).verdict, verdict);
    assert.equal(object.maps.blocked_ports.get(53), verdict === 'DROP' ? 1n : 0n);
  });
}

test('real packets: those to the blocked port do not arrive', asRoot, async () => {
  using lab = labUp({ temporary: true });
  const { left, right } = lab.hosts;
  using object = (await openProjectName()).load();
  object.maps.blocked_ports.set(53, 0n);
  using link = object.programs.block_ports.attachXdp({ device: left.device, netns: left.name });
  const send = `const socket = require('node:dgram').createSocket('udp4');
    let left = 4;
    for (const port of [53, 53, 53, 54]) socket.send('hello', port, '${left.ipv4}', () => --left || socket.close());`;
  await execInHost(right, [process.execPath, '-e', send]);
  for (let tries = 0; tries < 40 && object.maps.blocked_ports.get(53) !== 3n; tries++) await setTimeout(50);
  assert.equal(object.maps.blocked_ports.get(53), 3n, `dropped in ${link.mode} mode`);
});
