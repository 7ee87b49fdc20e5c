/** What a program on a device jumps to stays when the process that attached it is gone. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { addToChain, removeFromChain } from '../chain/chain.js';
import { openMapById } from '../kernel/map-create.js';
import type { Lab } from '../lab/lab.js';
import { labUp } from '../lab/lab-up.js';
import { ping } from '../lab/ping.js';
import { sweepLabs } from '../lab/remove.js';
import { attachObject } from '../loader/attach-object.js';
import { openText } from '../object/compile-text.test.support.js';
import { detachXdp } from './detach.js';
import { netnsPinFolder } from './own-pins.js';
import { fails, toolIn } from './real.test.support.js';

before(() => void sweepLabs());

const jumping = (name = 'jumps') =>
  openText(`
SEC("?xdp") int target(struct xdp_md *ctx) { return XDP_PASS; }
struct { __uint(type, BPF_MAP_TYPE_PROG_ARRAY); __uint(max_entries, 1); __uint(key_size, 4); __array(values, int(void *)); }
  table SEC(".maps") = { .values = { [0] = (void *)&target } };
SEC("xdp") int ${name}(struct xdp_md *ctx) { bpf_tail_call(ctx, &table, 0); return XDP_DROP; }`);
const plain = () => openText('SEC("xdp") int plain(struct xdp_md *ctx) { return XDP_PASS; }');

function pinsOf({ hosts: { left } }: Lab): string[] {
  const folder = join(netnsPinFolder(left.netns.cookie), String(left.ifindex));
  return existsSync(folder) ? readdirSync(folder).map((name) => name.replace(/\d+$/, 'ID')) : [];
}

async function answered({ hosts }: Lab): Promise<number> {
  const options = { destination: hosts.right.ipv4, count: 3, intervalMs: 5, timeoutMs: 2000 };
  return (await ping({ ...options, netns: hosts.left.netns })).received;
}

test('attached, replaced in another mode and by another program, detached', async () => {
  using lab = labUp({ temporary: true });
  const target = { device: 'veth0', netns: lab.hosts.left.name };
  const jumps = { ...target, program: 'jumps' };
  attachObject(jumping(), { ...jumps, mode: 'native', replace: 'refuse' });
  assert.deepEqual(pinsOf(lab), ['map-ID', 'xdp-link']);
  assert.equal(await answered(lab), 3);
  // It keeps the map, and with it the pin; the mode's change makes a new link.
  attachObject(jumping(), { ...jumps, mode: 'generic', replace: 'require' });
  assert.deepEqual(pinsOf(lab), ['map-ID', 'xdp-link']);
  assert.equal(await answered(lab), 3);
  attachObject(plain(), { ...target, replace: 'require' });
  assert.deepEqual(pinsOf(lab), ['xdp-link']);
  detachXdp(target);
  attachObject(jumping(), { ...jumps, replace: 'refuse' });
  detachXdp(target);
  assert.deepEqual(pinsOf(lab), []);
});

test('in the place of a program that netlink holds', async () => {
  using lab = labUp({ temporary: true });
  const target = { device: 'veth0', netns: lab.hosts.left.name };
  using object = plain().load();
  const path = `/sys/fs/bpf/arrays_${process.pid}`;
  object.program('plain').pin(path);
  toolIn(target.netns, 'ip', 'link', 'set', 'dev', 'veth0', 'xdpdrv', 'pinned', path);
  toolIn(target.netns, 'rm', path);
  attachObject(jumping(), { ...target, program: 'jumps', replace: 'require' });
  assert.deepEqual(pinsOf(lab), ['map-ID']);
  assert.equal(await answered(lab), 3);
  detachXdp(target);
  assert.deepEqual(pinsOf(lab), []);
});

test('members of a chain', async () => {
  using lab = labUp({ temporary: true });
  const target = { device: 'veth0', netns: lab.hosts.left.name };
  const jumps = { ...target, program: 'jumps' };
  addToChain(jumping(), jumps);
  const { members } = addToChain(jumping('more'), { ...target, program: 'more' });
  assert.deepEqual(pinsOf(lab).sort(), ['map-ID', 'map-ID', 'xdp-link']);
  assert.equal(await answered(lab), 3);
  const unsafe = openText('SEC("xdp") int unsafe(struct xdp_md *ctx) { return *(int *)(long)ctx->data; }');
  assert.throws(() => addToChain(unsafe, target), fails('VERIFIER'));
  assert.equal(await answered(lab), 3);
  // What was changed while it ran is not undone by a change of the chain.
  using map = openMapById<number, number>(members.find(({ name }) => name === 'more')?.maps[0]?.id ?? 0);
  using other = plain().load();
  const { fd, id } = other.program('plain');
  map?.set(0, fd);
  removeFromChain('jumps', target);
  assert.deepEqual(pinsOf(lab).sort(), ['map-ID', 'xdp-link']);
  assert.equal(map?.get(0), id);
  assert.equal(await answered(lab), 3);
  removeFromChain('more', target);
  assert.deepEqual(pinsOf(lab), []);
});
