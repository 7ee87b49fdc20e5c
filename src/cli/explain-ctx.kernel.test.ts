/** `xdpkit explain ctx`; that its table is right is shown beside the library. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { json, refusal, text } from './prog.test.support.js';

test('explain ctx for people and for programs', async () => {
  const printed = await text('explain', 'ctx');
  assert.match(printed, /^struct xdp_md of xdp programs, in the place of struct xdp_buff:\n\nFIELD/);
  assert.match(
    printed,
    /^ingress_ifindex +12 +4 {2}read +3 {2}xdp_buff\.rxq \+\d+ → xdp_rxq_info\.dev \+\d+ → net_device\.ifindex/m,
  );
  assert.match(printed, /^egress_ifindex .* \(only for xdp_devmap\)$/m);
  const { fields } = await json('explain', 'ctx', 'sched_cls');
  const mark = fields.find(({ name }: { name: string }) => name === 'mark');
  assert.deepEqual([mark.writable, mark.read.reads, mark.read.steps[0].struct], [true, 1, 'sk_buff']);
  assert.match((await refusal('explain', 'ctx', 'tc')).stderr, /hint: Types that have one: xdp, sched_cls/);
});
