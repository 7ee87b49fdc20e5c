import assert from 'node:assert/strict';
import { test } from 'node:test';
import { layers } from '../packet/layers/layers.js';
import { runWords } from './run-words.test.support.js';

test('explain packet lists every layer, and the fields of one', async () => {
  const all = JSON.parse((await runWords(['explain', 'packet', '--json'])).stdout);
  const names = all.layers.map(({ name }: { name: string }) => name);
  assert.deepEqual(names, [...layers.keys(), 'data', 'zeros', 'random', 'trailer']);
  const { stdout } = await runWords(['explain', 'packet', 'tcp']);
  assert.match(stdout, /^dport +16 {2}80$/m);
  assert.match(stdout, /^sum +16 {2}the right checksum$/m);
  assert.match(stdout, /^flags +9 {2}none +syn, fin, rst, psh, ack, urg, ece, cwr, ae$/m);
  assert.match(stdout, /options, in the order given: nop, eol, mss N, wscale N, sackok, timestamps N:N/);
  const refused = await runWords(['explain', 'packet', 'sctp']);
  assert.equal(refused.exitCode, 2);
  assert.match(refused.stderr, /no layer "sctp".*\nhint: Layers are eth, vlan/);
});
