/** Programs between probes, run in the kernel on packets of a test. */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { labUp } from '../../lab/lab-up.js';
import { ping } from '../../lab/ping.js';
import { sweepLabs } from '../../lab/remove.js';
import { OpenedObject } from '../../loader/open.js';
import { runPacket } from '../../xdp/run-packet.js';
import { openText } from '../compile-text.test.support.js';
import { type ChainMember, linkChain } from './link-chain.js';
import { answers, memberOf } from './members.test.support.js';
import { wrapProgram } from './wrap.js';

before(() => void sweepLabs());

const probes = openText(
  `struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 8); __type(key, __u32); __type(value, __u64); } seen SEC(".maps");
int entries;
__u32 length;
__attribute__((noinline)) int on_entry(struct xdp_md *ctx) { entries++; length = ctx->data_end - ctx->data; return 99; }
__attribute__((noinline)) int on_exit(struct xdp_md *ctx, int verdict) {
  __u32 index = verdict & 7; __u64 *count = bpf_map_lookup_elem(&seen, &index);
  if (count) *count += entries;
  length = ctx->data_end - ctx->data;
  return 77; }`,
  { name: 'probes' },
).spec;

const shrinking = openText(
  `int entries;
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, __u32); __type(value, __u64); } seen SEC(".maps");
SEC("xdp") int shrinks(struct xdp_md *ctx) {
  __u32 zero = 0; __u64 *value = bpf_map_lookup_elem(&seen, &zero);
  if (value) *value = 5;
  entries = 1000;
  return bpf_xdp_adjust_head(ctx, 8) ? XDP_ABORTED : XDP_TX; }`,
  { name: 'shrinking' },
).spec;

test('both probes run around every program, see its verdict, and change nothing of it', () => {
  fc.assert(
    fc.property(fc.constantFrom(...answers), fc.boolean(), fc.boolean(), (answer, entry, exit) => {
      const { spec, program } = memberOf({ name: 'm', answer, priority: 1, next: [] });
      const wrapped = wrapProgram(spec, program, {
        entry: entry ? { spec: probes, function: 'on_entry' } : undefined,
        exit: exit ? { spec: probes, function: 'on_exit' } : undefined,
      });
      using loaded = new OpenedObject(wrapped.spec).load();
      assert.deepEqual(loaded.degraded, []);
      const found = loaded.program(program.name);
      for (let packets = 0; packets < 2; packets += 1) {
        assert.equal(runPacket(found, { packet: new Uint8Array(60) }).returned, answer);
      }
      assert.equal(loaded.globals[wrapped.program.globals.get('calls') ?? ''], 2);
      if (entry) assert.equal(loaded.globals[wrapped.entry?.globals.get('entries') ?? ''], 2);
      // The second time two entries are added to the one of the first.
      if (exit) assert.equal(loaded.map(wrapped.exit?.maps.get('seen') ?? '').get(answer), entry ? 3n : 0n);
    }),
    { numRuns: 30 },
  );
});

test("the program's names stay, the probes' go out of their way; the exit probe sees the packet as it was left", () => {
  const [program] = shrinking.programs;
  assert.ok(program);
  const wrapped = wrapProgram(shrinking, program, {
    entry: { spec: probes, function: 'on_entry' },
    exit: { spec: probes, function: 'on_exit' },
  });
  assert.equal(wrapped.program.maps.get('seen'), 'seen');
  assert.equal(wrapped.exit?.maps.get('seen'), 'seen@probes');
  assert.deepEqual(wrapped.entry, wrapped.exit);
  using loaded = new OpenedObject(wrapped.spec).load();
  const done = runPacket(loaded.program('shrinks'), { packet: new Uint8Array(60) });
  assert.deepEqual([done.verdict, done.packet.length], ['TX', 52]);
  assert.equal(loaded.globals.entries, 1000);
  assert.deepEqual([loaded.globals['entries@probes'], loaded.globals.length], [1, 52]);
  assert.deepEqual([loaded.map('seen').get(0), loaded.map('seen@probes').get(3)], [5n, 1n]);
});

test('a whole chain can be wrapped, and a program be a probe', () => {
  const members: ChainMember[] = [2, 1].map((answer) =>
    memberOf({ name: `m${answer}`, answer, priority: 5 - answer, next: ['PASS'] }),
  );
  const chain = linkChain(members);
  const [program] = chain.spec.programs;
  assert.ok(program);
  const wrapped = wrapProgram(chain.spec, program, { exit: { spec: shrinking, function: 'shrinks' } });
  using loaded = new OpenedObject(wrapped.spec).load();
  const done = runPacket(loaded.program(program.name), { packet: new Uint8Array(60) });
  assert.deepEqual([done.verdict, done.packet.length], ['DROP', 52]);
});

test('real packets: a program that runs is swapped for its wrapped form and back, with its maps, and no ping is lost', async () => {
  using lab = labUp({ temporary: true });
  const { left, right } = lab.hosts;
  const target = { device: left.device, netns: left.name };
  const counting = openText(`
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, __u32); __type(value, __u64); } hits SEC(".maps");
SEC("xdp") int counting(struct xdp_md *ctx) {
  __u32 zero = 0; __u64 *found = bpf_map_lookup_elem(&hits, &zero);
  if (found) __sync_fetch_and_add(found, 1);
  return XDP_PASS; }`);
  const [program] = counting.spec.programs;
  assert.ok(program);
  const wrapped = wrapProgram(counting.spec, program, {
    entry: { spec: probes, function: 'on_entry' },
    exit: { spec: probes, function: 'on_exit' },
  });
  using bare = counting.load();
  const hits = bare.map<number, bigint>('hits');
  using loaded = new OpenedObject(wrapped.spec).load({ maps: new Map([['hits', bare.map('hits')]]) });
  using link = bare.program('counting').attachXdp({ ...target, mode: 'native' });
  const running = ping({ netns: left.netns, destination: right.ipv4, count: 200, intervalMs: 5 });
  for (let round = 0; round < 8; round += 1) {
    await sleep(60);
    link.update(loaded.program('counting'));
    await sleep(60);
    link.update(bare.program('counting'));
  }
  const { received, lost } = await running;
  assert.deepEqual([received, lost], [200, []]);
  const entries = loaded.globals.entries;
  assert.ok(typeof entries === 'number' && entries > 20, `${entries} were probed`);
  assert.ok((hits.get(0) ?? 0n) >= 200n && (hits.get(0) ?? 0n) > BigInt(entries));
});

test('a probe that is not there is named with those that are', () => {
  const { spec, program } = memberOf({ name: 'm', answer: 2, priority: 1, next: [] });
  assert.throws(() => wrapProgram(spec, program, { entry: { spec: probes, function: 'nowhere' } }), {
    code: 'PROGRAM_NOT_FOUND',
    message: /probes has no function "nowhere"/,
    hint: /on_entry/,
  });
});
