/** Chains on devices of a lab, with real packets. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { openMapById } from '../kernel/map-create.js';
import type { Lab } from '../lab/lab.js';
import { labUp } from '../lab/lab-up.js';
import { ping } from '../lab/ping.js';
import { sweepLabs } from '../lab/remove.js';
import { setXdp } from '../linux/netlink/route/link.js';
import { attachObject } from '../loader/attach-object.js';
import { OpenedObject as Opened, type OpenedObject, parseObject } from '../loader/open.js';
import { compileText, openText } from '../object/compile-text.test.support.js';
import { StatisticsReader } from '../stats/reader.js';
import { detachXdp } from '../xdp/detach.js';
import { fails, open, seenByIp, tool, toolIn } from '../xdp/real.test.support.js';
import { readStatus } from '../xdp/status.js';
import { addToChain, changeMembers, removeFromChain, reorderChain } from './chain.js';
import { type ReadChain, readChain } from './read.js';

before(() => void sweepLabs());

const counter = (verdict = 'XDP_PASS', name = 'counter') =>
  openText(
    `struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, __u32); __type(value, __u64); } hits SEC(".maps");
volatile const int step = 1;
__u64 bytes;
SEC("xdp") int ${name}(struct xdp_md *ctx) {
  __u32 zero = 0; __u64 *found = bpf_map_lookup_elem(&hits, &zero);
  bytes += ctx->data_end - ctx->data;
  if (found) __sync_fetch_and_add(found, step);
  return ${verdict}; }`,
    { name },
  );

/** Drops echo replies of IPv4, which the lab's left host then never sees. */
const filter = () =>
  openText(
    `SEC("xdp") int filter(struct xdp_md *ctx) {
  unsigned char *data = (void *)(long)ctx->data;
  if (data + 35 > (unsigned char *)(long)ctx->data_end) return XDP_PASS;
  return data[12] == 8 && data[13] == 0 && data[23] == 1 && data[34] == 0 ? XDP_DROP : XDP_PASS; }`,
    { name: 'filter' },
  );

const targetOf = ({ hosts }: Lab) => ({ device: 'veth0', netns: hosts.left.name });
const names = ({ members }: Pick<ReadChain, 'members'>) => members.map(({ name }) => name);

function packetsOf(chain: Pick<ReadChain, 'members'>, name: string): bigint {
  const counters = chain.members.find((one) => one.name === name)?.counters ?? assert.fail(`no ${name}`);
  return counters.reduce((sum, { packets }) => sum + packets, 0n);
}

function hitsOf(chain: Pick<ReadChain, 'members'>, name: string): bigint {
  const id = chain.members.find((one) => one.name === name)?.maps.find((map) => map.name === 'hits')?.id;
  using map = openMapById<number, bigint>(id ?? 0) ?? assert.fail(`${name} has no hits`);
  return map.get(0) ?? 0n;
}

/** Asks until it is answered the same twice: now and then a host sends a packet of its own. */
function still<Answer>(ask: () => Answer): Answer {
  for (let before = ask(), attempt = 0; attempt < 100; attempt += 1) {
    const now = ask();
    if (isDeepStrictEqual(now, before)) return now;
    before = now;
  }
  return assert.fail('it never came to rest');
}

function isThere(mapId: number): boolean {
  using map = openMapById(mapId);
  return map !== undefined;
}

for (const mode of ['native', 'generic'] as const) {
  test(`${mode}: members join, change places and leave under a stream of pings, of which none is lost`, async () => {
    using lab = labUp({ temporary: true });
    const target = targetOf(lab);
    const { right } = lab.hosts;
    const stream = { netns: lab.hosts.left.netns, destination: right.ipv4, count: 400, intervalMs: 5 };
    addToChain(counter(), { ...target, mode, name: 'first' });
    const before = packetsOf(readChain(target), 'first');
    const running = ping(stream);
    await sleep(150);
    const seen: bigint[] = [];
    for (let round = 0; round < 4; round += 1) {
      addToChain(counter(), { ...target, name: 'second', priority: 60 });
      await sleep(60);
      reorderChain(['second', 'first'], target);
      await sleep(60);
      seen.push(packetsOf(readChain(target), 'first'));
      removeFromChain('second', target);
      await sleep(60);
    }
    const { sent, received, lost } = await running;
    assert.deepEqual([sent, received, lost], [400, 400, []]);
    const [chain, hits] = still(() => {
      const now = readChain(target);
      const { members, counters } = now;
      return [{ members, counters }, hitsOf(now, 'first')] as const;
    });
    assert.deepEqual(names(chain), ['first']);
    // Nothing that the member that stayed has counted was lost in twelve swaps: neither by the chain nor by itself.
    const total = packetsOf(chain, 'first');
    assert.ok(total - before >= 400n, `${total - before} of 400 replies were counted`);
    assert.equal(hits, total);
    assert.deepEqual(
      seen,
      seen.toSorted((a, b) => Number(a - b)),
    );
    assert.equal(
      chain.counters.reduce((sum, { packets }) => sum + packets, 0n),
      total,
    );
    assert.equal(seenByIp(target.netns).mode, mode === 'native' ? 'xdp' : 'xdpgeneric');
    assert.equal(removeFromChain('first', target), undefined);
    assert.equal(seenByIp(target.netns).mode, 'none');
  });
}

test('verdicts decide who runs: a filter before a counter, and behind it', async () => {
  using lab = labUp({ temporary: true });
  const target = targetOf(lab);
  const pings = {
    netns: lab.hosts.left.netns,
    destination: lab.hosts.right.ipv4,
    count: 5,
    intervalMs: 5,
    timeoutMs: 200,
  };
  addToChain(filter(), { ...target, priority: 10 });
  addToChain(counter(), { ...target, priority: 20 });
  assert.equal((await ping(pings)).received, 0);
  const before = readChain(target);
  const dropped = before.members[0]?.counters.find(({ verdict }) => verdict === 'DROP');
  assert.equal(dropped?.packets, 5n);
  assert.equal(dropped?.bytes, 5n * 98n);
  const passed = packetsOf(before, 'counter');
  reorderChain(['counter', 'filter'], target);
  assert.equal((await ping(pings)).received, 0);
  assert.ok(packetsOf(readChain(target), 'counter') >= passed + 5n);
  // The filter's verdict is the last word no more: the chain goes on, and ends with PASS.
  changeMembers([{ name: 'filter', priority: 1, next: ['PASS', 'DROP'] }], target);
  assert.equal((await ping(pings)).received, 5);
  const after = readChain(target);
  assert.deepEqual(
    after.members.map(({ name, priority, next }) => [name, priority, next]),
    [
      ['filter', 1, ['PASS', 'DROP']],
      ['counter', 10, ['PASS']],
    ],
  );
  using reader = new StatisticsReader(target);
  const [sample, counters] = still(() => {
    const { map, counters } = reader.read();
    return [{ map, counters: counters.map(({ packets }) => packets) }, readChain(target).counters] as const;
  });
  assert.equal(sample.map.name, 'chain_counters');
  assert.deepEqual(
    sample.counters,
    counters.map(({ packets }) => packets),
  );
});

test('a chain needs neither the files nor the process that made it; constants and variables go on', async () => {
  using lab = labUp({ temporary: true });
  const target = targetOf(lab);
  const pings = { netns: lab.hosts.left.netns, destination: lab.hosts.right.ipv4, count: 4, intervalMs: 5 };
  const object = counter();
  object.globals.step = 5;
  const { members } = addToChain(object, target);
  await ping(pings);
  const ids = members[0]?.maps ?? [];
  assert.deepEqual(ids.map(({ name }) => name).sort(), ['.bss', '.rodata', 'hits']);
  const bytes = () => {
    using map = openMapById(ids.find(({ name }) => name === '.bss')?.id ?? 0) ?? assert.fail();
    return new DataView((map.getBytes(new Uint8Array(4)) ?? assert.fail()).buffer).getBigUint64(0, true);
  };
  const before = bytes();
  assert.ok(before > 0n);
  addToChain(filter(), { ...target, priority: 90, next: ['DROP', 'PASS'] });
  await ping(pings);
  const chain = readChain(target);
  assert.deepEqual(
    chain.members[0]?.maps,
    ids.map(({ name, id }) => ({ name, id })),
  );
  assert.ok(bytes() > before);
  const [counted, hits] = still(() => {
    const now = readChain(target);
    return [packetsOf(now, 'counter'), hitsOf(now, 'counter')] as const;
  });
  assert.equal(hits, 5n * counted);
  const [device] = readStatus(target).devices;
  assert.deepEqual(
    device?.attachments[0]?.chain?.members.map(({ name }) => name),
    ['counter', 'filter'],
  );
  // With the program its state and its counters go, and nothing else is left.
  const { occupant } = chain;
  assert.ok(occupant.kind === 'chain');
  const last = [occupant.state.counters, ...(occupant.attachment.program?.mapIds ?? [])];
  detachXdp(target);
  const alive = () => last.filter(isThere);
  for (let waited = 0; waited < 100 && alive().length > 0; waited += 1) await sleep(20);
  assert.deepEqual(alive(), []);
});

test('thirty-one members come and go: counters move to a new map when slots run out', async () => {
  using lab = labUp({ temporary: true });
  const target = targetOf(lab);
  const pings = { netns: lab.hosts.left.netns, destination: lab.hosts.right.ipv4, count: 3, intervalMs: 5 };
  addToChain(counter(), { ...target, name: 'stays' });
  await ping(pings);
  const seen = packetsOf(readChain(target), 'stays');
  const other = filter();
  let maps = 0;
  for (let round = 0; round < 32; round += 1) {
    const { occupant } = readChain(target);
    const old = occupant.kind === 'chain' ? occupant.state.counters : 0;
    addToChain(other, { ...target, name: `m${round}`, next: ['DROP', 'PASS'] });
    removeFromChain(`m${round}`, target);
    const { occupant: now } = readChain(target);
    if (now.kind === 'chain' && now.state.counters !== old) maps += 1;
  }
  assert.equal(maps, 1);
  assert.ok(seen >= 3n && packetsOf(readChain(target), 'stays') >= seen);
});

test('somebody else changes the chain in between: the second is told, and the first change stays', () => {
  using lab = labUp({ temporary: true });
  const target = targetOf(lab);
  addToChain(counter(), { ...target, name: 'first' });
  // The object is asked for its spec when the chain has been read and before it is swapped.
  const late = filter();
  let others = 0;
  const raced = new Proxy(late, {
    get(object, key) {
      if (key === 'spec' && others++ === 0) addToChain(counter(), { ...target, name: 'winner' });
      return Reflect.get(object, key, object);
    },
  });
  assert.throws(() => addToChain(raced, target), fails('ATTACH_CHANGED', 'veth0'));
  assert.deepEqual(names(readChain(target)), ['first', 'winner']);
  addToChain(late, target);
  assert.deepEqual(names(readChain(target)), ['filter', 'first', 'winner']);
});

test('what cannot be: names that are taken or missing, orders that leave somebody out, objects without a file', () => {
  using lab = labUp({ temporary: true });
  const target = targetOf(lab);
  assert.throws(() => removeFromChain('counter', target), fails('NOT_ATTACHED', 'no chain'));
  addToChain(counter(), target);
  assert.throws(() => addToChain(counter(), target), fails('USAGE', 'member "counter" already', '--name', '--replace'));
  assert.throws(() => removeFromChain('other', target), fails('PROGRAM_NOT_FOUND', 'It has counter.'));
  addToChain(counter(), { ...target, name: 'more' });
  assert.throws(() => reorderChain(['more'], target), fails('USAGE', 'counter would have no place'));
  assert.throws(() => reorderChain(['more', 'counter', 'more'], target), fails('USAGE', 'twice'));
  assert.throws(() => addToChain(new Opened(filter().spec), target), fails('USAGE', 'not read from an object file'));
  assert.throws(() => addToChain(filter(), { ...target, mode: 'generic' }), fails('USAGE', 'native mode, not generic'));
  assert.throws(() => addToChain(filter(), { ...target, name: 'a b' }), fails('USAGE', 'cannot name a member'));
  assert.deepEqual(names(readChain(target)), ['counter', 'more']);
});

test('a dry run changes nothing, and the verifier has been asked', () => {
  using lab = labUp({ temporary: true });
  const target = targetOf(lab);
  assert.equal(addToChain(counter(), { ...target, dryRun: true }).attached, undefined);
  assert.equal(seenByIp(target.netns).mode, 'none');
  addToChain(counter(), target);
  const { id } = seenByIp(target.netns);
  const unsafe = openText('SEC("xdp") int unsafe(struct xdp_md *ctx) { return *(int *)(long)ctx->data; }');
  assert.throws(() => addToChain(unsafe, { ...target, dryRun: true }), fails('VERIFIER', 'unsafe'));
  assert.throws(() => addToChain(unsafe, target), fails('VERIFIER'));
  removeFromChain('counter', { ...target, dryRun: true });
  assert.equal(seenByIp(target.netns).id, id);
});

test('a map that is pinned by its name: members share it, a failed change takes its new pin back', () => {
  using lab = labUp({ temporary: true });
  const target = targetOf(lab);
  const name = `chain_pin_${process.pid}`;
  const pin = `/sys/fs/bpf/${name}`;
  const pinned = (verdict = 'XDP_PASS') =>
    openText(`struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, __u32); __type(value, __u64);
    __uint(pinning, LIBBPF_PIN_BY_NAME); } ${name} SEC(".maps");
SEC("xdp") int pinned(struct xdp_md *ctx) { __u32 zero = 0; return bpf_map_lookup_elem(&${name}, &zero) ? ${verdict} : 0; }`);
  try {
    assert.throws(() => addToChain(pinned('*(int *)(long)ctx->data'), target), fails('VERIFIER'));
    assert.ok(!existsSync(pin));
    addToChain(pinned(), { ...target, name: 'a' });
    addToChain(pinned(), { ...target, name: 'b' });
    const [a, b] = readChain(target).members;
    assert.deepEqual(a?.maps, b?.maps);
    removeFromChain('a', target);
    assert.deepEqual(readChain(target).members[0]?.maps, b?.maps);
    assert.ok(existsSync(pin));
  } finally {
    rmSync(pin, { force: true });
  }
});

test('a chain is swapped whole by `replace`, which keeps maps of equal names where there is one', () => {
  using lab = labUp({ temporary: true });
  const target = targetOf(lab);
  addToChain(counter(), target);
  const { replaced } = attachObject(counter(), { ...target, replace: 'allow' });
  assert.deepEqual(replaced?.keptMaps, ['hits']);
  assert.equal(readChain(target).occupant.kind, 'program');
  detachXdp(target);
});

test('a new version of a member takes its place: order, counters and the maps that fit go on', async () => {
  using lab = labUp({ temporary: true });
  const target = targetOf(lab);
  const pings = { netns: lab.hosts.left.netns, destination: lab.hosts.right.ipv4, count: 3, intervalMs: 5 };
  addToChain(counter(), { ...target, priority: 7, next: ['PASS', 'TX'] });
  addToChain(filter(), { ...target, next: ['DROP', 'PASS'] });
  await ping(pings);
  const before = readChain(target);
  const next = counter('XDP_TX + (step > 9)');
  next.globals.step = 2;
  const { members } = addToChain(next, { ...target, replace: true });
  assert.deepEqual(
    members.map(({ name, status, priority, next }) => [name, status, priority, next]),
    [
      ['counter', 'replaced', 7, ['PASS', 'TX']],
      ['filter', 'stayed', 50, ['DROP', 'PASS']],
    ],
  );
  assert.deepEqual(
    members[0]?.maps.flatMap(({ name, kept }) => (kept ? [name] : [])),
    ['hits'],
  );
  await ping(pings);
  const [after, hits] = still(() => {
    const now = readChain(target);
    const { members, counters } = now;
    return [{ members, counters }, hitsOf(now, 'counter')] as const;
  });
  const said = (verdict: string) => after.members[0]?.counters.find((one) => one.verdict === verdict)?.packets ?? 0n;
  assert.ok(said('PASS') >= packetsOf(before, 'counter'));
  assert.ok(said('TX') >= 3n);
  assert.equal(hits, said('PASS') + 2n * said('TX'));
});

test('a device with large packets: who cannot take them is named, and the chain goes on without', async () => {
  using lab = labUp({ temporary: true, mtu: 9000 });
  const target = targetOf(lab);
  const taking = openText('SEC("xdp.frags") int taking(struct xdp_md *ctx) { return XDP_PASS; }');
  addToChain(taking, { ...target, mode: 'native' });
  assert.throws(
    () => addToChain(filter(), target),
    fails('MTU_TOO_LARGE', 'its own MTU is 9000', 'compile filter with SEC("xdp.frags"), as taking was'),
  );
  assert.deepEqual(names(readChain(target)), ['taking']);
  const { destination, ...from } = { netns: lab.hosts.left.netns, destination: lab.hosts.right.ipv4 };
  assert.equal((await ping({ ...from, destination, count: 3, intervalMs: 5, size: 8000 })).received, 3);
  const passed = readChain(target).members[0]?.counters.find(({ verdict }) => verdict === 'PASS');
  assert.ok((passed?.bytes ?? 0n) >= 3n * 8000n, `${passed?.bytes} bytes`);
});

test("libxdp's dispatcher is told by what it is, and left alone", () => {
  using lab = labUp({ temporary: true });
  const target = targetOf(lab);
  using object = open('DISPATCHER').load();
  const { id, fd } = object.program('xdp_dispatcher');
  const { netns, ifindex } = lab.hosts.left;
  using route = netns.openNetlink();
  setXdp(route, { ifindex, programFd: fd, mode: 'native' });
  assert.equal(readChain(target).occupant.kind, 'dispatcher');
  for (const change of [() => addToChain(counter(), target), () => removeFromChain('one', target)]) {
    assert.throws(change, fails('UNSUPPORTED', 'libxdp', 'xdpkit detach'));
  }
  assert.equal(seenByIp(target.netns).id, id);
});

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
