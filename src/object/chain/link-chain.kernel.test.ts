/** Chains run in the kernel on packets of a test, and are compared with a model of what libxdp's dispatcher does. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import type { PerCpu } from '../../kernel/per-cpu.js';
import type { LoadedObject } from '../../loader/loaded.js';
import { OpenedObject } from '../../loader/open.js';
import { verdicts } from '../../packet/verdict.js';
import { runPacket } from '../../xdp/run-packet.js';
import { openText } from '../compile-text.test.support.js';
import { readObject } from '../read.js';
import type { ObjectSpec } from '../spec.js';
import { countersName, countersPerSlot } from './counters.js';
import { type ChainMember, chainProgramName, type LinkedChain, linkChain } from './link-chain.js';
import { answers, expectedOf, type ModelMember, memberOf } from './members.test.support.js';
import { defaultRunConfig, readRunConfig } from './run-config.js';

const packet = new Uint8Array(60);

function load({ spec }: LinkedChain): LoadedObject {
  const loaded = new OpenedObject(spec).load({ programs: [chainProgramName] });
  assert.deepEqual(loaded.degraded, []);
  return loaded;
}

function run(loaded: LoadedObject, data = packet) {
  return runPacket(loaded.program(chainProgramName), { packet: data });
}

type Counter = { packets: bigint; bytes: bigint };

/** `name VERDICT` by what was counted; the chain itself is "". */
function counted(loaded: LoadedObject, { members }: LinkedChain): Map<string, Counter> {
  const found = new Map<string, Counter>();
  for (const [index, perCpu] of loaded.map<number, PerCpu<Counter>>(countersName)) {
    const { packets, bytes } = perCpu.sum();
    const slot = Math.floor(index / countersPerSlot);
    const name = members.find((one) => one.slot === slot)?.name ?? '';
    if (packets > 0n) found.set(`${name} ${verdicts[index % countersPerSlot]}`, { packets, bytes });
  }
  return found;
}

const someMember = fc.record({
  answer: fc.constantFrom(...answers),
  priority: fc.integer({ min: 0, max: 5 }),
  next: fc.subarray([...verdicts]),
});

test('any members with any verdicts in any order do what the dispatcher of libxdp would', () => {
  fc.assert(
    fc.property(fc.array(someMember, { minLength: 1, maxLength: 8 }), (drawn) => {
      const members: ModelMember[] = drawn.map((one, index) => ({ ...one, name: `m${(index * 5) % 8}` }));
      const chain = linkChain(members.map(memberOf));
      using loaded = load(chain);
      const expected = expectedOf(members);
      assert.equal(run(loaded).returned, expected.answer);
      const own = members.map(({ name, answer }) => [name, verdicts[answer] ?? 'ABORTED'] as const);
      const wanted = new Map(
        own.flatMap(([name, verdict]) => (expected.ran.includes(name) ? [[`${name} ${verdict}`, once]] : [])),
      );
      wanted.set(` ${verdicts[expected.answer] ?? 'ABORTED'}`, once);
      assert.deepEqual(counted(loaded, chain), wanted);
    }),
    { numRuns: 150 },
  );
});

const once = { packets: 1n, bytes: 60n };

test('every verdict and every set of two members', () => {
  for (const answer of answers) {
    for (let set = 0; set < 1 << verdicts.length; set += 1) {
      const next = verdicts.filter((_, number) => (set & (1 << number)) !== 0);
      const members: ModelMember[] = [
        { name: 'first', answer, priority: 1, next },
        { name: 'second', answer: 3, priority: 2, next: ['PASS'] },
      ];
      using loaded = load(linkChain(members.map(memberOf)));
      assert.equal(run(loaded).returned, expectedOf(members).answer, `${answer} with ${next}`);
    }
  }
});

const counting = `
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, __u32); __type(value, __u64); } hits SEC(".maps");
volatile const int step = 1;
int runs;
static __attribute__((noinline)) int hit(struct xdp_md *ctx) {
  __u32 zero = 0; __u64 *found = bpf_map_lookup_elem(&hits, &zero);
  if (found) *found += step;
  return 0;
}
struct { __uint(priority, 7); __uint(XDP_DROP, 1); } _counts SEC(".xdp_run_config");
SEC("xdp") int counts(struct xdp_md *ctx) { runs++; hit(ctx); return XDP_DROP; }`;

function member(name: string, spec: ObjectSpec, changes: Partial<ChainMember> = {}): ChainMember {
  const [program] = spec.programs;
  assert.ok(program);
  return { name, spec, program, ...readRunConfig(spec, program.name), ...changes };
}

test('maps, variables and sub-programs of equal names stay apart, and are found by each member', () => {
  const opened = ['a', 'b'].map((name) => openText(counting, { name }));
  for (const [index, object] of opened.entries()) object.globals.step = index + 1;
  const chain = linkChain(opened.map((object, index) => member(`m${index}`, object.spec)));
  assert.deepEqual(
    chain.members.map(({ next, priority }) => [priority, next]),
    [
      [7, ['DROP', 'PASS']],
      [7, ['DROP', 'PASS']],
    ],
  );
  using loaded = load(chain);
  for (let packets = 0; packets < 3; packets += 1) assert.equal(run(loaded).verdict, 'PASS');
  for (const [index, { maps, globals }] of chain.members.entries()) {
    assert.deepEqual([...maps.keys()].sort(), ['.bss', '.rodata', 'hits']);
    assert.equal(loaded.map(maps.get('hits') ?? '').get(0), BigInt(3 * (index + 1)));
    assert.equal(loaded.globals[globals.get('runs') ?? ''], 3);
    assert.equal(loaded.map(maps.get('hits') ?? '').info().name, 'hits');
    assert.equal(loaded.map(maps.get('.bss') ?? '').info().name, `${'ab'[index]}.bss`);
  }
});

test('global functions of equal names, which the kernel verifies by their types alone, stay with their members', () => {
  const text = (answer: string) =>
    openText(`struct packet { __u32 length; };
__attribute__((noinline)) int judge(struct xdp_md *ctx, struct packet *packet) {
  return packet && packet->length > 10 && ctx->data_end ? ${answer} : XDP_ABORTED; }
SEC("xdp") int judges(struct xdp_md *ctx) {
  struct packet packet = { ctx->data_end - ctx->data };
  return judge(ctx, &packet); }`).spec;
  const chain = linkChain([member('a', text('XDP_PASS')), member('b', text('XDP_TX')), member('c', text('XDP_DROP'))]);
  using loaded = load(chain);
  assert.equal(run(loaded).verdict, 'TX');
  assert.deepEqual([...counted(loaded, chain).keys()].sort(), [' TX', 'a PASS', 'b TX']);
});

test('what one member does to the packet, the next one finds', () => {
  const shorten = openText(
    'SEC("xdp") int shorten(struct xdp_md *ctx) { return bpf_xdp_adjust_head(ctx, 14) ? XDP_ABORTED : XDP_PASS; }',
  ).spec;
  const mark = openText(`SEC("xdp") int mark(struct xdp_md *ctx) {
    if (bpf_xdp_adjust_meta(ctx, -4)) return XDP_ABORTED;
    __u32 *meta = (void *)(long)ctx->data_meta;
    if ((void *)(meta + 1) > (void *)(long)ctx->data) return XDP_ABORTED;
    *meta = 0x01020304;
    return XDP_PASS; }`).spec;
  const reads = openText(`SEC("xdp") int reads(struct xdp_md *ctx) {
    __u32 *meta = (void *)(long)ctx->data_meta; unsigned char *data = (void *)(long)ctx->data;
    if ((void *)(meta + 1) > (void *)data || (void *)(data + 1) > (void *)(long)ctx->data_end) return XDP_ABORTED;
    return *meta == 0x01020304 && *data == 42 ? XDP_TX : XDP_DROP; }`).spec;
  const chain = linkChain([shorten, mark, reads].map((spec, index) => member(`m${index}`, spec)));
  using loaded = load(chain);
  const data = new Uint8Array(74);
  data[14] = 42;
  const done = run(loaded, data);
  assert.equal(done.verdict, 'TX');
  assert.equal(done.packet.length, 60);
  assert.deepEqual(
    counted(loaded, chain),
    new Map([
      [' TX', { packets: 1n, bytes: 74n }],
      ['m0 PASS', { packets: 1n, bytes: 74n }],
      ['m1 PASS', { packets: 1n, bytes: 60n }],
      ['m2 TX', { packets: 1n, bytes: 60n }],
    ]),
  );
});

test('members without types stand beside members with types; the chain has its types all the same', () => {
  const chain = linkChain([
    member('bare', openText('SEC("xdp") int bare(struct xdp_md *ctx) { return XDP_PASS; }', { debug: false }).spec),
    member('typed', openText(counting).spec, { next: ['DROP'] }),
  ]);
  using loaded = load(chain);
  assert.equal(run(loaded).verdict, 'PASS');
  assert.ok(loaded.program(chainProgramName).info().btfId > 0);
});

test('CO-RE relocations are answered by the types of their own object', () => {
  const core = (field: string) =>
    openText(
      `
struct inner { int one; } __attribute__((preserve_access_index));
struct net_device { int mtu; int ifindex; } __attribute__((preserve_access_index));
SEC("xdp") int core(struct xdp_md *ctx) {
  return bpf_core_field_exists(((struct net_device *)0)->${field}) ? XDP_TX : XDP_DROP; }
`.replace('SEC("xdp")', '#include <bpf/bpf_core_read.h>\nSEC("xdp")'),
    ).spec;
  const chain = linkChain([
    member('first', core('mtu'), { priority: 1, next: ['TX'] }),
    member('second', openText(counting).spec, { priority: 2, next: ['DROP'] }),
    member('third', core('ifindex'), { priority: 3, next: ['TX'] }),
  ]);
  using loaded = load(chain);
  assert.equal(run(loaded).verdict, 'PASS');
  assert.deepEqual([...counted(loaded, chain).keys()].sort(), [' PASS', 'first TX', 'second DROP', 'third TX']);
});

test("a tail call runs another program in the place of the member, and its verdict is the member's", () => {
  const jumps = openText(`
struct { __uint(type, BPF_MAP_TYPE_PROG_ARRAY); __uint(max_entries, 1); __type(key, __u32); __type(value, __u32); } table SEC(".maps");
SEC("xdp") int jumps(struct xdp_md *ctx) { bpf_tail_call(ctx, &table, 0); return XDP_ABORTED; }`).spec;
  const last: ModelMember = { name: 'last', answer: 1, priority: 60, next: ['PASS'] };
  const chain = linkChain([member('jumps', jumps, { next: ['TX'] }), memberOf(last)]);
  using loaded = load(chain);
  assert.equal(run(loaded).verdict, 'ABORTED');
  using target = openText('SEC("xdp") int target(struct xdp_md *ctx) { return XDP_TX; }').load();
  loaded.map(chain.members[0]?.maps.get('table') ?? '').set(0, target.program('target').fd);
  assert.equal(run(loaded).verdict, 'DROP');
  assert.deepEqual([...counted(loaded, chain).keys()].sort(), [
    ' ABORTED',
    ' DROP',
    'jumps ABORTED',
    'jumps TX',
    'last DROP',
  ]);
});

test('a program array goes with its programs, each member with its own', () => {
  const jumping = (verdict: string) =>
    openText(`
SEC("?xdp") int target(struct xdp_md *ctx) { return ${verdict}; }
struct { __uint(type, BPF_MAP_TYPE_PROG_ARRAY); __uint(max_entries, 1); __uint(key_size, 4); __array(values, int(void *)); }
  table SEC(".maps") = { .values = { [0] = (void *)&target } };
SEC("xdp") int jumps(struct xdp_md *ctx) { bpf_tail_call(ctx, &table, 0); return XDP_ABORTED; }`).spec;
  const jumper = (name: string, verdict: string, next: ChainMember['next']): ChainMember => {
    const spec = jumping(verdict);
    const program = spec.programs.find((one) => one.name === 'jumps') ?? assert.fail();
    return { name, spec, program, priority: 1, next };
  };
  const chain = linkChain([jumper('a', 'XDP_DROP', ['DROP']), jumper('b', 'XDP_TX', [])]);
  assert.deepEqual(
    chain.spec.programs.map(({ name }) => name),
    [chainProgramName, 'target', 'target@b'],
  );
  using loaded = load(chain);
  assert.equal(run(loaded).verdict, 'TX');
  assert.deepEqual([...counted(loaded, chain).keys()].sort(), [' TX', 'a DROP', 'b TX']);
});

test('maps that are pinned by their name are one, as they would be in two objects; other maps give way to them', () => {
  const map = (pinning: string, entries = 1) =>
    openText(`struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, ${entries}); __type(key, __u32);
      __type(value, __u64); ${pinning} } hits SEC(".maps");
SEC("xdp") int counts(struct xdp_md *ctx) {
  __u32 zero = 0; __u64 *found = bpf_map_lookup_elem(&hits, &zero);
  if (found) *found += 1;
  return XDP_PASS; }`).spec;
  const pinning = '__uint(pinning, LIBBPF_PIN_BY_NAME);';
  const { spec, members } = linkChain([member('a', map('')), member('b', map(pinning)), member('c', map(pinning))]);
  assert.deepEqual(
    members.map(({ maps }) => maps.get('hits')),
    ['hits@a', 'hits', 'hits'],
  );
  assert.equal(spec.maps.filter(({ pinning }) => pinning === 'by-name').length, 1);
  const unlike = [member('a', map(pinning)), member('b', map(pinning, 2))];
  assert.throws(() => linkChain(unlike), { code: 'PIN_MISMATCH', message: /"hits" of b .* maxEntries 2 and 1/ });
});

const folder = ['x86_64', 'aarch64'].map((one) => `/usr/lib/${one}-linux-gnu/bpf/`).find((one) => existsSync(one));

test("Debian's programs of xdp-filter, in one chain", {
  skip: folder === undefined && 'xdp-tools is not installed',
}, () => {
  const names = ['xdpfilt_alw_all.o', 'xdpfilt_dny_ip.o', 'xsk_def_xdp_prog.o'];
  const specs = names.map((name) => readObject(readFileSync(`${folder}${name}`), name));
  const chain = linkChain(specs.map((spec) => member(spec.name, spec)));
  assert.deepEqual(
    chain.members.map(({ name, priority, next }) => [name, priority, next]),
    [
      ['xdpfilt_alw_all', 10, ['PASS']],
      ['xdpfilt_dny_ip', 10, ['PASS']],
      ['xsk_def_xdp_prog', 20, ['PASS']],
    ],
  );
  const unpinned = chain.spec.maps.map((one) => ({ ...one, pinning: 'none' as const }));
  using loaded = load({ ...chain, spec: { ...chain.spec, maps: unpinned } });
  const packet = new Uint8Array(60);
  packet.set([8, 0], 12);
  packet[14] = 0x45;
  assert.notEqual(run(loaded, packet).verdict, 'ABORTED');
});

test('packets in several buffers: only where all members take them', () => {
  const taking = openText('SEC("xdp.frags") int taking(struct xdp_md *ctx) { return XDP_PASS; }').spec;
  const all = linkChain([member('a', taking), member('b', taking)]);
  assert.deepEqual([all.spec.programs[0]?.frags, all.fragsLost], [true, []]);
  using loaded = load(all);
  assert.equal(run(loaded, new Uint8Array(9000)).verdict, 'PASS');
  assert.deepEqual(counted(loaded, all).get('b PASS'), { packets: 1n, bytes: 9000n });
  const some = linkChain([member('a', taking), memberOf({ name: 'b', answer: 2, priority: 1, next: ['PASS'] })]);
  assert.deepEqual([some.spec.programs[0]?.frags, some.fragsLost], [false, ['a']]);
});

test('more maps than a program may have: refused with a number for each member, as the kernel would', () => {
  const maps = Array.from({ length: 9 }, (_, at) => `m${at}`);
  const { spec } = openText(
    `${maps.map((name) => `struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, __u32); __type(value, int); } ${name} SEC(".maps");`).join('\n')}
    SEC("xdp") int many(struct xdp_md *ctx) { __u32 key = 0; int sum = 0, *found;
      ${maps.map((name) => `found = bpf_map_lookup_elem(&${name}, &key); if (found) sum += *found;`).join('\n')}
      return sum ? XDP_DROP : XDP_PASS; }`,
  );
  const [program] = spec.programs;
  const members = (count: number) =>
    Array.from({ length: count }, (_, at): ChainMember => {
      return { name: `m${at}`, spec, program: program ?? assert.fail(), ...defaultRunConfig };
    });
  // 63 of the members, and the counters.
  using loaded = load(linkChain(members(7)));
  assert.equal(run(loaded).verdict, 'PASS');
  assert.throws(() => linkChain([...members(7), memberOf({ name: 'z', answer: 2, priority: 1, next: [] })]), {
    code: 'CHAIN_LIMIT',
    message: /has 65 maps; the kernel takes 64 of a program/,
    hint: /"z" has 1, "m0" has 9, /,
  });
});

test('thirty members, each a different one', () => {
  const members = Array.from({ length: 30 }, (_, index): ModelMember => {
    return { name: `m${index}`, answer: index % 5, priority: 30 - index, next: [...verdicts] };
  });
  const chain = linkChain(members.map(memberOf));
  using loaded = load(chain);
  assert.equal(run(loaded).verdict, 'PASS');
  assert.equal(counted(loaded, chain).size, 31);
});
