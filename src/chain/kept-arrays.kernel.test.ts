/** Members that jump through program arrays, with and without packets in several buffers. */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import type { Lab } from '../lab/lab.js';
import { labUp } from '../lab/lab-up.js';
import { ping } from '../lab/ping.js';
import { sweepLabs } from '../lab/remove.js';
import { attachObject } from '../loader/attach-object.js';
import { openText } from '../object/compile-text.test.support.js';
import { fails } from '../xdp/real.test.support.js';
import { addToChain, removeFromChain } from './chain.js';
import { readChain } from './read.js';

before(() => void sweepLabs());

/** Lets pass what it jumps with, and aborts what it cannot. */
const jumper = (name = 'jumper') =>
  openText(
    `SEC("xdp.frags") int target(struct xdp_md *ctx) { return XDP_PASS; }
struct { __uint(type, BPF_MAP_TYPE_PROG_ARRAY); __uint(max_entries, 1); __type(key, __u32); __array(values, int(void *)); }
  jumps SEC(".maps") = { .values = { (void *)&target } };
SEC("xdp.frags") int ${name}(struct xdp_md *ctx) { bpf_tail_call(ctx, &jumps, 0); return XDP_ABORTED; }`,
  );
const plain = () => openText('SEC("xdp") int plain(struct xdp_md *ctx) { return XDP_PASS; }');
const byName = { program: 'jumper' } as const;

const targetOf = ({ hosts }: Lab) => ({ device: 'veth0', netns: hosts.left.name });

/** Three pings come back, and the member has let them pass by its jump. */
async function assertJumps({ hosts }: Lab, target: ReturnType<typeof targetOf>): Promise<void> {
  const passed = () =>
    readChain(target)
      .members.find(({ name }) => name === 'jumper')
      ?.counters.find(({ verdict }) => verdict === 'PASS')?.packets ?? assert.fail('there is no jumper');
  const before = passed();
  const { received } = await ping({ netns: hosts.left.netns, destination: hosts.right.ipv4, count: 3, intervalMs: 5 });
  assert.equal(received, 3);
  assert.ok(passed() - before >= 3n);
}

test('a chain for packets in one buffer takes along the programs of an array that would take more', async () => {
  using lab = labUp({ temporary: true });
  const target = targetOf(lab);
  addToChain(plain(), target);
  const { fragsLost } = addToChain(jumper(), { ...target, ...byName });
  assert.deepEqual(fragsLost, ['jumper']);
  await assertJumps(lab, target);
  // Its array belongs to such programs now: it stays what it is when the one is gone that could not.
  assert.deepEqual(removeFromChain('plain', target)?.fragsLost, ['jumper']);
  await assertJumps(lab, target);
});

for (const begin of ['a chain', 'an adopted program'] as const) {
  test(`${begin} for packets in several buffers: who would end that is refused while an array stays`, async () => {
    using lab = labUp({ temporary: true });
    const target = targetOf(lab);
    if (begin === 'a chain') addToChain(jumper(), { ...target, ...byName });
    else attachObject(jumper(), { ...target, ...byName, replace: 'refuse' });
    const adopt = begin === 'a chain' ? undefined : jumper();
    assert.throws(
      () => addToChain(plain(), { ...target, adopt }),
      fails('CHAIN_LIMIT', 'program arrays of jumper, which stay; plain cannot', 'Compile plain with SEC("xdp.frags")'),
    );
    if (begin !== 'a chain') return;
    await assertJumps(lab, target);
    removeFromChain('jumper', target);
    addToChain(plain(), target);
    addToChain(jumper(), { ...target, ...byName });
    await assertJumps(lab, target);
  });
}
