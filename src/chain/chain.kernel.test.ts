/** Chains on devices of a lab, with real packets. */

import assert from 'node:assert/strict';
import { existsSync, rmSync } from 'node:fs';
import { before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openMapById } from '../kernel/map-create.js';
import { labUp } from '../lab/lab-up.js';
import { ping } from '../lab/ping.js';
import { sweepLabs } from '../lab/remove.js';
import { setXdp } from '../linux/netlink/route/link.js';
import { attachObject } from '../loader/attach-object.js';
import { OpenedObject as Opened } from '../loader/open.js';
import { openText } from '../object/compile-text.test.support.js';
import { StatisticsReader } from '../stats/reader.js';
import { detachXdp } from '../xdp/detach.js';
import { fails, open, seenByIp } from '../xdp/real.test.support.js';
import { readStatus } from '../xdp/status.js';
import { addToChain, changeMembers, removeFromChain, reorderChain } from './chain.js';
import { counter, filter, hitsOf, isThere, names, packetsOf, still, targetOf } from './chain.test.support.js';
import { readChain } from './read.js';

before(() => void sweepLabs());

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
