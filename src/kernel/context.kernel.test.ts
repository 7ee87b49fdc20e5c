/** What becomes of a program's context: against bpftool's listings of C programs, and for code that tries to mislead. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import {
  add,
  assemble,
  call,
  exit,
  type Instruction,
  jump,
  jumpIf,
  load,
  mov,
  movRegister,
  store,
} from '../asm/index.js';
import { openText } from '../object/compile-text.test.support.js';
import { helpers } from '../uapi/bpf.generated.js';
import { followContext } from './context-flow.js';
import { type ContextField, type ContextLayout, readContextLayout } from './context-layout.js';
import { refusalOf, uniqueName } from './kernel-state.test.support.js';
import { loadBareProgram } from './load-bare.js';
import { listProgram } from './program-listing.js';
import { readTargetBtf } from './target-btf.js';

const name = uniqueName();
const sections: Readonly<Record<string, string>> = { xdp: 'xdp', sched_cls: 'tc' };

/** What clang makes of the read of each field, as bpftool lists it: the loads of each program. */
function readsAsBpftoolListsThem({ type, seen }: ContextLayout, fields: readonly ContextField[]): string[][] {
  const programs = fields.map(({ name: field, read }, index) => {
    const section = read?.attachType === 'xdp_devmap' ? 'xdp/devmap' : sections[type];
    return `SEC("${section}") int ${name}_${index}(struct ${seen} *c) { seen = (__u64)(long)c->${field}; return 1; }`;
  });
  using object = openText(`volatile __u64 seen;\n${programs.join('\n')}`).load();
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
  return fields.map((_, index) => {
    const words = ['prog', 'dump', 'xlated', 'id', String(object.program(`${name}_${index}`).id)];
    const text = execFileSync('bpftool', words, { encoding: 'utf8', env });
    return text.split('\n').flatMap((line) => /= (\*\(u\d+ \*\)\(r\d+ \+\d+\))/.exec(line)?.[1] ?? []);
  });
}

for (const type of ['xdp', 'sched_cls']) {
  test(`fields of ${type} become the reads that bpftool lists for a C program`, () => {
    const layout = readContextLayout(type);
    const plain = layout.fields.filter(({ read, name: field }) => read?.isPlain && !field.includes('['));
    assert.ok(plain.length >= 6, layout.fields.map((each) => each.name).join());
    const seen = readsAsBpftoolListsThem(layout, plain);
    for (const [index, { name: field, read }] of plain.entries()) {
      assert.deepEqual(
        seen[index]?.map((text) => text.replace(/\(r\d+ (\+\d+)\)/, ' $1')),
        read?.steps.map(({ offset, size }) => `*(u${size * 8} *) +${offset}`),
        field,
      );
    }
  });
}

test('the table of XDP: what is read through what, and that nothing is written', () => {
  const { fields, seen, real } = readContextLayout('xdp');
  assert.deepEqual([seen, real], ['xdp_md', 'xdp_buff']);
  const lines = fields.map(
    (field) => `${field.name}: ${field.read?.steps.map(({ struct, member }) => `${struct}.${member}`).join(' ')}`,
  );
  assert.deepEqual(lines, [
    'data: xdp_buff.data',
    'data_end: xdp_buff.data_end',
    'data_meta: xdp_buff.data_meta',
    'ingress_ifindex: xdp_buff.rxq xdp_rxq_info.dev net_device.ifindex',
    'rx_queue_index: xdp_buff.rxq xdp_rxq_info.queue_index',
    'egress_ifindex: xdp_buff.txq xdp_txq_info.dev net_device.ifindex',
  ]);
  assert.ok(fields.every(({ writable }) => !writable));
  assert.equal(fields.at(-1)?.read?.attachType, 'xdp_devmap');
  const skb = new Map(readContextLayout('sched_cls').fields.map((field) => [field.name, field]));
  assert.deepEqual([skb.get('mark')?.writable, skb.get('len')?.writable], [true, false]);
  assert.equal(skb.get('family')?.read, undefined, 'sockets are not for this type');
  assert.equal(skb.get('pkt_type')?.read?.isPlain, false, 'a part of a byte');
  assert.match(
    refusalOf(() => readContextLayout('kprobe')),
    /^USAGE: programs of type "kprobe"/,
  );
});

test('a listing says at each line which field is read there, in sub-programs too', () => {
  const source = `
static __attribute__((noinline)) int inner(int more, struct xdp_md *context) {
  return context->rx_queue_index + more;
}
SEC("xdp") int ${name}(struct xdp_md *context) {
  volatile __u32 first = context->ingress_ifindex;
  if (inner(first, context) == 7) bpf_redirect(1, 0);
  volatile __u64 data = context->data;
  volatile __u64 end = context->data_end;
  volatile __u64 meta = context->data_meta;
  return first;
}`;
  using object = openText(source).load();
  const listed = listProgram(object.program(name).fd);
  let line = '';
  const seen: string[] = [];
  for (const { source: place, context } of listed) {
    line = place?.text ?? line;
    if (context?.field === undefined) continue;
    const field = context.field.replace('xdp_md.', '');
    assert.ok(line.includes(`context->${field}`), `${line}: ${context.field}`);
    assert.equal(context.isWrite, false);
    seen.push(field);
  }
  assert.deepEqual(seen.sort(), ['data', 'data_end', 'data_meta', 'ingress_ifindex', 'rx_queue_index']);
});

test('helpers that became code, and those called by the function of the map, are named', () => {
  const source = `
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __type(key, __u32); __type(value, __u64); __uint(max_entries, 4); } a${name} SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_HASH); __type(key, __u32); __type(value, __u64); __uint(max_entries, 4); } h${name} SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_DEVMAP); __type(key, __u32); __type(value, __u32); __uint(max_entries, 4); } d${name} SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY); __type(key, __u32); __type(value, __u64); __uint(max_entries, 4); } p${name} SEC(".maps");
SEC("xdp") int ${name}(struct xdp_md *context) {
  __u32 key = context->rx_queue_index;
  __u64 *own = bpf_map_lookup_elem(&p${name}, &key);
  if (own) *own += 1;
  __u64 *one = bpf_map_lookup_elem(&a${name}, &key), *two = bpf_map_lookup_elem(&h${name}, &key);
  if (one && two) *one += *two;
  bpf_xdp_adjust_head(context, 0);
  return bpf_redirect_map(&d${name}, key, 0);
}`;
  using object = openText(source).load();
  const inlined = listProgram(object.program(name).fd).flatMap(({ inlined: each, text }) =>
    each ? [{ name: each.name, long: each.length > 1, text }] : [],
  );
  assert.deepEqual(
    inlined.map((each) => each.name),
    [
      // Where this kernel has such code for a CPU's own copy (x86-64 since Linux 6.10), else the call.
      inlined[0]?.long ? 'bpf_map_lookup_elem of a per-CPU array' : 'bpf_map_lookup_elem',
      'bpf_map_lookup_elem of an array',
      'bpf_map_lookup_elem',
      'bpf_redirect_map',
    ],
  );
  assert.deepEqual(
    inlined.slice(1).map(({ long }) => long),
    [true, false, false],
  );
  assert.match(inlined[3]?.text ?? '', /call dev_map_redirect#/);
  using bare = loadBareProgram(assemble(call(helpers.get_smp_processor_id), mov(0, 0), exit()), 'xdp');
  const [first] = listProgram(bare.number);
  // Where this kernel calls it, the call itself has the name.
  assert.ok(
    first?.inlined?.name === 'bpf_get_smp_processor_id' || /call bpf_get_smp_processor_id#/.test(first?.text ?? ''),
  );
});

const btf = readTargetBtf(undefined);
const context = btf.find('struct', 'xdp_buff') ?? 0;
const queue = () => {
  const read = readContextLayout('xdp', btf).fields.find((field) => field.name === 'rx_queue_index')?.read;
  const [toQueue, index] = read?.steps ?? [];
  assert.ok(toQueue && index);
  return { pointer: toQueue.offset, index: index.offset };
};

/** Names of what is accessed, by instruction. */
function follow(...code: readonly Instruction[]): Record<number, string> {
  const found = followContext({ code, functions: new Set([0]), btf, context });
  return Object.fromEntries([...found].map(([at, { path }]) => [at, path.at(-1) ?? '']).sort());
}

test('the context is followed through registers and the stack, and given up where it is not certain', () => {
  const { pointer, index } = queue();
  const read = load('double', 3, 2, pointer);
  const has = (...code: readonly Instruction[]): boolean => Object.values(follow(...code)).includes('xdp_buff.rxq');
  assert.deepEqual(follow(load('double', 2, 1, pointer), load('word', 0, 2, index), exit()), {
    0: 'xdp_buff.rxq',
    1: 'xdp_rxq_info.queue_index',
  });
  const spill = store('double', 10, -16, 1);
  const reload = [load('double', 2, 10, -16), read, exit()];
  assert.ok(has(spill, ...reload));
  assert.ok(has(movRegister(6, 1), call(7), movRegister(2, 6), read, exit()));
  assert.ok(!has(call(7), movRegister(2, 1), read, exit()), 'a call takes arguments away');
  assert.ok(has(spill, call(7), ...reload));
  const pass = (offset: number) => [movRegister(2, 10), add(2, offset), call(1)];
  assert.ok(has(spill, ...pass(-8), ...reload), 'a helper writes upwards');
  assert.ok(!has(spill, ...pass(-16), ...reload), 'and may write here');
  assert.ok(!has(spill, ...pass(-24), ...reload));
  const nested = [movRegister(6, 10), add(6, -16), store('double', 10, -8, 6)];
  assert.ok(!has(spill, ...nested, ...pass(-8), ...reload), 'what it is passed may lead here');
  assert.ok(!has(spill, store('byte', 10, -9, 3), ...reload), 'a byte of it is written over');
  assert.ok(!has(spill, movRegister(4, 10), add(4, -12), store('word', 4, 0, 3), ...reload), 'by another register');
  assert.ok(!has(movRegister(2, 1), add(2, 8), read, exit()));
  assert.ok(!has(jumpIf('equal', 3, 0, 2), movRegister(2, 1), jump(1), mov(2, 0), read, exit()), 'one way only');
  assert.ok(has(jumpIf('equal', 3, 0, 2), movRegister(2, 1), jump(1), movRegister(2, 1), read, exit()), 'both ways');
  // The second time round, the register holds something else.
  assert.ok(!has(movRegister(2, 1), read, mov(2, 0), jumpIf('notEqual', 4, 0, -3), exit()));
  assert.deepEqual(follow(load('double', 2, 1, 3), exit()), {}, 'the middle of a member has no name');
});
