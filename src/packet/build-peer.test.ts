/** What others read in our packets: tcpdump. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { buildPacket } from './build.js';
import { packetExamples } from './packet-examples.test.support.js';
import { writePcapng } from './pcapng-write.js';

function tcpdump(packets: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'xdpkit-packets-'));
  try {
    const file = join(folder, 'packets.pcapng');
    writeFileSync(
      file,
      writePcapng({ interfaces: [{}], packets: packets.map((text) => ({ data: buildPacket(text) })) }),
    );
    return execFileSync('tcpdump', ['-vv', '-n', '-e', '-r', file], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test('tcpdump finds every checksum right, and wrong ones that were asked for wrong', () => {
  const right = tcpdump(packetExamples);
  assert.doesNotMatch(right, /bad|incorrect|wrong|truncated|invalid/i);
  assert.match(right, /vlan 100, p 5.*vlan 7, p 0/);
  assert.match(right, /\[S\].*\(correct\).*options \[mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 7\]/);
  assert.match(right, /neighbor solicitation, .* who has fe80::2/);
  assert.match(right, /VXLAN, flags \[I\] \(0x08\), vni 42/);
  assert.match(right, /MPLS.*label 100.*label 200/s);
  assert.match(right, /GREv0.*key=0x5, .*seq 9/);
  const wrong = tcpdump(['ip sum wrong/udp', 'udp sum wrong', 'tcp sum wrong', 'icmp sum wrong', 'icmp6 sum wrong']);
  assert.equal(wrong.match(/bad |incorrect|wrong/g)?.length, 5, wrong);
});
