/** Programs that others have put on a device, taken over into a chain. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { openMapById } from '../kernel/map-create.js';
import { labUp } from '../lab/lab-up.js';
import { ping } from '../lab/ping.js';
import { sweepLabs } from '../lab/remove.js';
import { attachObject } from '../loader/attach-object.js';
import { type OpenedObject, parseObject } from '../loader/open.js';
import { compileText, openText } from '../object/compile-text.test.support.js';
import { detachXdp } from '../xdp/detach.js';
import { fails, seenByIp, tool, toolIn } from '../xdp/real.test.support.js';
import { addToChain } from './chain.js';
import { counter, filter, hitsOf, names, targetOf } from './chain.test.support.js';
import { readChain } from './read.js';

before(() => void sweepLabs());

test('a program that a process holds stays when that process lets go, once it is adopted', () => {
  using lab = labUp({ temporary: true });
  const target = targetOf(lab);
  using object = counter().load();
  {
    using _link = object.program('counter').attachXdp(target);
    const unsafe = openText('SEC("xdp") int unsafe(struct xdp_md *ctx) { return *(int *)(long)ctx->data; }');
    assert.throws(() => addToChain(unsafe, { ...target, adopt: counter() }), fails('VERIFIER'));
    const { attached } = addToChain(filter(), { ...target, adopt: counter() });
    assert.match(attached?.pinnedAt ?? '', /xdpkit\/netns-\d+\/\d+\/xdp-link$/);
  }
  assert.deepEqual(names(readChain(target)), ['counter', 'filter']);
  detachXdp(target);
  {
    using _link = object.program('counter').attachXdp(target);
    assert.throws(() => addToChain(filter(), target), fails('ATTACH_EXISTS'));
  }
  assert.equal(seenByIp(target.netns).mode, 'none');
});

const adoptions: readonly (readonly [
  string,
  (target: { device: string; netns: string }, object: OpenedObject) => void,
])[] = [
  ['xdpkit attach', (target, object) => void attachObject(object, { ...target, replace: 'refuse' })],
  [
    'ip link',
    ({ netns }, object) => {
      const path = `/sys/fs/bpf/chain_adopt_${process.pid}`;
      using loaded = object.load();
      loaded.program('counter').pin(path);
      try {
        toolIn(netns, 'ip', 'link', 'set', 'dev', 'veth0', 'xdpdrv', 'pinned', path);
      } finally {
        rmSync(path);
      }
    },
  ],
];

test('what libbpf has loaded is adopted too: the maps of several kinds in the order of the code', () => {
  using lab = labUp({ temporary: true });
  const target = targetOf(lab);
  const folder = mkdtempSync(join(tmpdir(), 'xdpkit-adopt-'));
  const pin = `/sys/fs/bpf/chain_libbpf_${process.pid}`;
  // The first map is named last, one is not used at all, and the function that uses another is called in between.
  const source = `
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, __u32); __type(value, __u64); } first SEC(".maps"), unused SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, __u32); __type(value, __u64); } second SEC(".maps");
volatile const int constant = 3;
__u64 runs;
static __attribute__((noinline)) int add(void *map, __u64 step) {
  __u32 zero = 0; __u64 *found = bpf_map_lookup_elem(&second, &zero); if (found) *found += step; return 0; }
SEC("xdp") int several(struct xdp_md *ctx) {
  __u32 zero = 0; __u64 *found;
  runs += constant; add(ctx, 5);
  found = bpf_map_lookup_elem(&first, &zero); if (found) *found += 7;
  return XDP_PASS; }`;
  try {
    const path = join(folder, 'several.bpf.o');
    writeFileSync(path, compileText(source));
    tool('bpftool', 'prog', 'load', path, pin, 'type', 'xdp');
    toolIn(target.netns, 'ip', 'link', 'set', 'dev', 'veth0', 'xdpgeneric', 'pinned', pin);
    const before = readChain(target).occupant;
    assert.ok(before.kind === 'program');
    const { members } = addToChain(filter(), { ...target, adopt: parseObject(readFileSync(path), path) });
    const maps = members.find(({ name }) => name === 'several')?.maps ?? [];
    assert.deepEqual(maps.map(({ name, id, kept }) => [name, openMapInfo(id).name, kept]).toSorted(), [
      ['.bss', 'several.bss', true],
      ['.rodata', 'several.rodata', true],
      ['first', 'first', true],
      ['second', 'second', true],
    ]);
    assert.ok(maps.every(({ id }) => before.attachment.program?.mapIds.includes(id)));
    assert.equal(seenByIp(target.netns).mode, 'xdpgeneric');
  } finally {
    rmSync(pin, { force: true });
    rmSync(folder, { recursive: true });
  }
});

function openMapInfo(id: number) {
  using map = openMapById(id) ?? assert.fail(`map ${id} is gone`);
  return map.info();
}

for (const [by, attach] of adoptions) {
  test(`a program that ${by} has attached goes on as a member, with its maps and variables`, async () => {
    using lab = labUp({ temporary: true });
    const target = targetOf(lab);
    const pings = { netns: lab.hosts.left.netns, destination: lab.hosts.right.ipv4, count: 4, intervalMs: 5 };
    attach(target, counter());
    await ping(pings);
    assert.throws(() => addToChain(filter(), target), fails('ATTACH_EXISTS', 'is no chain', '--adopt OBJECT'));
    assert.throws(() => addToChain(filter(), { ...target, adopt: filter() }), fails('PROGRAM_NOT_FOUND', 'counter'));
    assert.throws(() => addToChain(filter(), { ...target, adopt: counter('XDP_TX') }), fails('USAGE', 'its tag is'));
    const { members } = addToChain(filter(), { ...target, adopt: counter(), next: ['DROP', 'PASS'] });
    assert.deepEqual(members[0]?.maps.map(({ name, kept }) => [name, kept]).sort(), [
      ['.bss', true],
      ['.rodata', true],
      ['hits', true],
    ]);
    const before = hitsOf(readChain(target), 'counter');
    assert.ok(before >= 4n);
    await ping(pings);
    assert.ok(hitsOf(readChain(target), 'counter') >= before + 4n);
    detachXdp(target);
  });
}
