import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { compileBpf } from './compile.js';

const folder = mkdtempSync(join(tmpdir(), 'xdpkit-examples-'));
const pin = `/sys/fs/bpf/xdpkit-test-${randomBytes(6).toString('hex')}`;
const verdictDrop = 1;
const verdictPass = 2;

before(async () => {
  const source = fileURLToPath(new URL('../../examples/drop-ping/drop-ping.bpf.c', import.meta.url));
  const { output } = await compileBpf({ source, output: join(folder, 'drop-ping.bpf.o') });
  // bpftool, because the program is what is tested here, not our loader.
  execFileSync('bpftool', ['prog', 'load', output, pin]);
});
after(() => {
  rmSync(pin, { force: true });
  rmSync(folder, { recursive: true, force: true });
});

/** The verdict of drop-ping for a frame that is given as parts in hexadecimal. */
function verdictOf(...parts: string[]): number {
  const file = join(folder, 'frame');
  writeFileSync(file, Buffer.from(parts.join('').replace(/\s/g, ''), 'hex'));
  // No 'data_out', no 'repeat': bpftool prints what the program returned.
  const words = ['--json', 'prog', 'run', 'pinned', pin, 'data_in', file];
  const { retval }: { retval: number } = JSON.parse(execFileSync('bpftool', words, { encoding: 'utf8' }));
  return retval;
}

const macs = '020000000002 020000000001';
const ipv4 = (options: { words?: number; fragment?: string; protocol?: string } = {}): string => {
  const { words = 5, fragment = '0000', protocol = '01' } = options;
  return `4${words.toString(16)}00 0054 0000 ${fragment} 40${protocol} 0000 0a0b0101 0a0b0102${'01010101'.repeat(words - 5)}`;
};
const ipv6 = (next: string): string =>
  `60000000 0040 ${next} 40 ${'fc00deadcafe00010000000000000001'} ${'fc00deadcafe00010000000000000002'}`;
const reply = '0000 0000 1234 0001 0102030405060708';
const request = '0800 0000 1234 0001 0102030405060708';
const replyV6 = '8100 0000 1234 0001 0102030405060708';
const requestV6 = '8000 0000 1234 0001 0102030405060708';

test('echo replies of both IP versions are dropped, requests pass', () => {
  assert.equal(verdictOf(macs, '0800', ipv4(), reply), verdictDrop);
  assert.equal(verdictOf(macs, '0800', ipv4(), request), verdictPass);
  assert.equal(verdictOf(macs, '86dd', ipv6('3a'), replyV6), verdictDrop);
  assert.equal(verdictOf(macs, '86dd', ipv6('3a'), requestV6), verdictPass);
});

test('behind one and two VLAN tags, not behind three', () => {
  assert.equal(verdictOf(macs, '8100 0064', '0800', ipv4(), reply), verdictDrop);
  assert.equal(verdictOf(macs, '88a8 0064', '8100 0065', '86dd', ipv6('3a'), replyV6), verdictDrop);
  assert.equal(verdictOf(macs, '8100 0064 8100 0065 8100 0066', '0800', ipv4(), reply), verdictPass);
});

test('IPv4 options are stepped over', () => {
  assert.equal(verdictOf(macs, '0800', ipv4({ words: 8 }), reply), verdictDrop);
  assert.equal(verdictOf(macs, '0800', ipv4({ words: 15 }), reply), verdictDrop);
});

test('of a fragmented reply the first is dropped, the rest has no ICMP header and passes', () => {
  assert.equal(verdictOf(macs, '0800', ipv4({ fragment: '2000' }), reply), verdictDrop);
  assert.equal(verdictOf(macs, '0800', ipv4({ fragment: '00b9' }), reply), verdictPass);
});

test('IPv6 extension headers are stepped over, up to four', () => {
  const options = (next: string, length = 0): string =>
    `${next}${length.toString(16).padStart(2, '0')}${'00'.repeat(length * 8 + 6)}`;
  assert.equal(verdictOf(macs, '86dd', ipv6('00'), options('3a'), replyV6), verdictDrop);
  assert.equal(verdictOf(macs, '86dd', ipv6('00'), options('3c', 3), options('3a'), replyV6), verdictDrop);
  assert.equal(
    verdictOf(macs, '86dd', ipv6('00'), ...Array(3).fill(options('3c')), options('3a'), replyV6),
    verdictDrop,
  );
  assert.equal(
    verdictOf(macs, '86dd', ipv6('00'), ...Array(4).fill(options('3c')), options('3a'), replyV6),
    verdictPass,
  );
});

test('other protocols and frames that end too early pass', () => {
  assert.equal(verdictOf(macs, '0806', '00'.repeat(28)), verdictPass);
  assert.equal(verdictOf(macs, '0800', ipv4({ protocol: '11' }), reply), verdictPass);
  assert.equal(verdictOf(macs, '86dd', ipv6('11'), replyV6), verdictPass);
  assert.equal(verdictOf(macs, '0800', ipv4().slice(0, 30)), verdictPass);
  assert.equal(verdictOf(macs, '0800', ipv4(), '0000'), verdictPass);
  assert.equal(verdictOf(macs, '0800', ipv4({ words: 15 }).slice(0, 60), '00'), verdictPass);
  assert.equal(verdictOf(macs, '86dd', ipv6('3a'), '8100'), verdictPass);
  assert.equal(verdictOf(macs, '8100'), verdictPass);
});

test('a header length that cannot be is passed on, not read', () => {
  assert.equal(verdictOf(macs, '0800', ipv4().replace(/^45/, '44'), reply), verdictPass);
});
