import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { possibleCpus } from '../linux/cpu.js';
import type { LoadedObject } from '../loader/loaded.js';
import { parseObject } from '../loader/open.js';
import { openText } from '../object/compile-text.test.support.js';
import { fixture } from '../object/fixtures.test.support.js';
import { readMapInfo } from './info.js';
import { bpftool, leftInKernel, namesInKernel, refusalOf, uniqueName } from './kernel-state.test.support.js';
import { runProgram } from './test-run.js';

const packet = new Uint8Array(64).map((_, index) => index);

function verdict(loaded: LoadedObject, name: string, data = packet): number {
  return runProgram(loaded.program(name), { data }).verdict;
}

const withGlobals = `
struct limits { __u32 packets; __u64 bytes; __u8 ports[3]; };
volatile const __u32 answer = 2;
volatile const struct limits limits = { 1, 2, { 3, 4, 5 } };
__u64 seen = 40;
struct limits state;
char device[16] = "none";
__s32 table[4] = { -1, -2 };
static volatile __u32 twin = 7;

SEC("xdp") int verdict(struct xdp_md *context) { seen++; state.packets += limits.packets; return answer; }
SEC("xdp") int reads(struct xdp_md *context) { return state.bytes == 99 && table[3] == -7 && device[0] == 'v' ? 3 : 1; }
SEC("xdp") int static_one(struct xdp_md *context) { return twin; }
`;

test('constants set before the load decide what the program does, and cannot be set after it', () => {
  const object = openText(withGlobals);
  for (const answer of [1, 2]) {
    object.globals.answer = answer;
    using loaded = object.load();
    assert.equal(verdict(loaded, 'verdict'), answer);
    assert.equal(loaded.globals.answer, answer);
    object.globals.answer = 4;
    assert.equal(loaded.globals.answer, answer, 'what is loaded does not follow the spec');
    assert.equal(
      refusalOf(() => {
        loaded.globals.answer = 1;
      }),
      'READ_ONLY: global variable "answer": it is a constant: it can be set before the object is loaded, not after',
    );
    const rodata = loaded.map('.rodata');
    assert.match(
      refusalOf(() => rodata.setBytes(new Uint8Array(4), new Uint8Array(rodata.definition.valueSize))),
      /^READ_ONLY: write to map ".rodata": the map is frozen: its contents are constants/,
    );
  }
});

test('variables are live in both directions: numbers, structs, arrays and text', () => {
  const object = openText(withGlobals);
  object.globals.limits = { packets: 10, bytes: 0n, ports: new Uint8Array(3) };
  using loaded = object.load();
  const { globals } = loaded;
  assert.deepEqual([globals.seen, globals.device, globals.table], [40n, 'none', [-1, -2, 0, 0]]);
  verdict(loaded, 'verdict');
  runProgram(loaded.program('verdict'), { data: packet, repeat: 4 });
  assert.equal(globals.seen, 45n);
  assert.deepEqual(globals.state, { packets: 50, bytes: 0n, ports: new Uint8Array(3) });
  assert.equal(verdict(loaded, 'reads'), 1);
  globals.state = { packets: 0, bytes: 99n, ports: [1, 2, 3] };
  globals.table = [0, 0, 0, -7];
  globals.device = 'veth0';
  assert.equal(verdict(loaded, 'reads'), 3);
  globals.twin = 9;
  assert.equal(verdict(loaded, 'static_one'), 9);
  assert.equal(object.globals.seen, 40n, 'the spec keeps the initial value');
  assert.deepEqual({ ...globals }.table, [0, 0, 0, -7]);
});

test('a value that is refused leaves the variable as it was', () => {
  using loaded = openText(withGlobals).load();
  loaded.globals.state = { packets: 1, bytes: 2n, ports: [3, 4, 5] };
  assert.match(
    refusalOf(() => {
      loaded.globals.state = { packets: 9, bytes: 9n, ports: [256, 0, 0] };
    }),
    /^VALUE_SHAPE: global variable "state", field "ports": a byte from 0 to 255 is expected, not the number 256/,
  );
  assert.deepEqual(loaded.globals.state, { packets: 1, bytes: 2n, ports: new Uint8Array([3, 4, 5]) });
  assert.match(
    refusalOf(() => loaded.globals.nothing),
    /^GLOBAL_NOT_FOUND: there is no global variable "nothing"/,
  );
  assert.equal('seen' in loaded.globals, true);
  assert.equal('nothing' in loaded.globals, false);
});

test('globals of a closed object are refused, not read from memory that is gone', () => {
  const loaded = openText(withGlobals).load();
  loaded[Symbol.dispose]();
  assert.match(
    refusalOf(() => loaded.globals.seen),
    /^CLOSED: map ".data" was used after it was closed/,
  );
  assert.match(
    refusalOf(() => verdict(loaded, 'verdict')),
    /^CLOSED: program "verdict" was used after it was closed/,
  );
});

test('without debug information globals are plain numbers and bytes', () => {
  using loaded = openText(withGlobals, { debug: false }).load();
  assert.equal(loaded.globals.seen, 40n);
  assert.equal(verdict(loaded, 'verdict'), 2);
  assert.equal(loaded.globals.seen, 41n);
  loaded.globals.seen = 5n;
  verdict(loaded, 'verdict');
  assert.equal(loaded.globals.seen, 6n);
});

test('programs with sub-programs, function addresses and data of every kind load and run', () => {
  const object = parseObject(fixture('calls'), 'calls.bpf.o');
  using loaded = object.load();
  assert.deepEqual([...loaded.programs.keys()], ['first', 'second', 'third', 'fifth'], 'fourth has no known type');
  // sum(ingress_ifindex, 7) is more than 2.
  assert.equal(verdict(loaded, 'first'), 2);
  // beside(0) + sum(3, 4) + twice(5), that is 0 + 16 + 16, is not more than 99; secret = 50 makes it so.
  assert.equal(verdict(loaded, 'second'), 1);
  loaded.globals.secret = 50;
  assert.equal(verdict(loaded, 'second'), 2);
  using old = object.load({ programs: [{ name: 'fourth', type: 'xdp' }] });
  assert.equal(verdict(old, 'fourth'), 2);
  assert.match(
    refusalOf(() => object.load({ programs: ['fourth'] })),
    /^USAGE: program "fourth": its section "prog_old" does not tell its type/,
  );
  assert.match(
    refusalOf(() => object.load({ programs: ['sixth'] })),
    /^PROGRAM_NOT_FOUND: calls has no program "sixth"/,
  );
  assert.match(
    refusalOf(() => old.program('first')),
    /^PROGRAM_NOT_FOUND: program "first" of calls was not loaded/,
  );
});

test('the kernel knows the functions and the source lines', () => {
  using loaded = parseObject(fixture('calls'), 'calls.bpf.o').load({ programs: ['first'] });
  const id = String(loaded.program('first').id);
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
  const text = execFileSync('bpftool', ['prog', 'dump', 'xlated', 'id', id, 'linum'], { encoding: 'utf8', env });
  assert.match(text, /int sum\(int left, int right\)/);
  assert.match(text, /; return sum\(context->ingress_ifindex, limit\).*calls\.bpf\.c line_num:\d+/);
  const shown = bpftool('prog', 'show', 'id', id) as Record<string, unknown>;
  assert.deepEqual([shown.type, shown.name, shown.gpl_compatible], ['xdp', 'first', true]);
  const maps = [...loaded.maps.values()].map((map) => readMapInfo(map.fd));
  assert.deepEqual(
    maps.map(({ name }) => name).sort(),
    ['calls.bss', 'calls.data', 'calls.data.spec', 'calls.rodata', 'calls.rodata.st'],
    'data maps are named after the object and their section',
  );
});

test('a program is run on a packet and may change it', () => {
  using loaded = openText(`
SEC("xdp") int change(struct xdp_md *context) {
	__u8 *data = (void *)(long)context->data, *end = (void *)(long)context->data_end;
	if (data + 1 > end) return 0;
	data[0]++;
	bpf_xdp_adjust_tail(context, 8);
	return 3;
}`).load();
  const run = runProgram(loaded.program('change'), { data: packet, repeat: 3 });
  assert.equal(run.verdict, 3);
  assert.deepEqual([run.data.length, run.data[0], run.data[1]], [64 + 24, 3, 1]);
  assert.ok(run.duration >= 0);
  assert.match(
    refusalOf(() => runProgram(loaded.program('change'), { data: new Uint8Array(4) })),
    /^SYSCALL: run program "change" \(xdp\) on 4 bytes: Invalid argument \(EINVAL\)/,
  );
});

test('old-style maps and a section that says nothing', () => {
  const object = parseObject(fixture('legacy-maps'), 'legacy-maps.o');
  using loaded = object.load({ programs: [{ name: 'old', type: 'xdp' }] });
  const blocked = loaded.map<{ length: number; address: number }, number>('blocked');
  assert.equal(verdict(loaded, 'old'), 0, 'the map of ports is empty, so that the redirect fails');
  blocked.set({ length: 0, address: 0 }, 1);
  assert.equal(verdict(loaded, 'old'), 1);
  assert.equal(verdict(loaded, 'old'), 1);
  using bare = parseObject(fixture('legacy-maps', { debug: false }), 'legacy-maps.o').load({
    programs: [{ name: 'old', type: 'xdp' }],
  });
  bare.map<bigint, number>('blocked').set(0n, 1);
  assert.equal(verdict(bare, 'old'), 1);
});

test('sections that begin with a question mark are only loaded by name', () => {
  const object = openText(`
SEC("xdp") int usual(struct xdp_md *context) { return 2; }
SEC("?xdp") int on_demand(struct xdp_md *context) { return 1; }`);
  using usual = object.load();
  assert.deepEqual([...usual.programs.keys()], ['usual']);
  using both = object.load({ programs: ['usual', 'on_demand'] });
  assert.equal(verdict(both, 'on_demand'), 1);
});

test('maps of another object stand for those of this one, and stay open when it is closed', () => {
  const source = `
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, __u32); __type(value, __u32); } hits SEC(".maps");
SEC("xdp") int count(struct xdp_md *context) { __u32 zero = 0, *hit = bpf_map_lookup_elem(&hits, &zero);
	if (hit) ++*hit; return 2; }`;
  using first = openText(source).load();
  {
    using second = openText(source).load({ maps: new Map([['hits', first.map('hits')]]) });
    verdict(second, 'count');
  }
  assert.equal(first.map<number, number>('hits').get(0), 1);
  assert.match(
    refusalOf(() => openText(source).load({ maps: new Map([['hit', first.map('hits')]]) })),
    /^MAP_NOT_FOUND: x has no map "hit" that another could stand for/,
  );
});

test('where one program is refused nothing of the load stays', () => {
  const name = uniqueName();
  const object = openText(
    `
__u64 value;
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 1); __type(key, __u32); __type(value, __u32); } ${name}m SEC(".maps");
SEC("xdp") int ${name}a(struct xdp_md *context) { value++; return 2; }
SEC("xdp") int ${name}b(struct xdp_md *context) { __u32 key = 0; return *(__u32 *)bpf_map_lookup_elem(&${name}m, &key); }`,
    { name },
  );
  assert.match(
    refusalOf(() => object.load()),
    /^VERIFIER: the verifier refused program/,
  );
  assert.deepEqual(leftInKernel(name), []);
  {
    using _ = object.load({ programs: [`${name}a`] });
    assert.equal(namesInKernel(name).length, 3);
  }
  assert.deepEqual(leftInKernel(name), []);
});

test('buffers of perf events get an entry for each CPU', () => {
  using loaded = openText(
    'struct { __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY); __uint(key_size, 4); __uint(value_size, 4); } events SEC(".maps");',
  ).load();
  assert.equal(loaded.map('events').info().maxEntries, possibleCpus());
});

test('a map whose types cannot be read leaves no descriptor', () => {
  const object = openText(
    `struct odd { __u32 __proto__; };
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, __u32); __type(value, struct odd); } odd SEC(".maps");`,
  );
  const before = readdirSync('/proc/self/fd').length;
  assert.match(
    refusalOf(() => object.load()),
    /^MALFORMED: .*__proto__/,
  );
  assert.equal(readdirSync('/proc/self/fd').length, before);
});

test('an object for the other byte order is refused', () => {
  assert.match(
    refusalOf(() => openText(withGlobals, { target: 'bpfeb' }).load()),
    /^BYTE_ORDER: x was compiled for big-endian machines, unlike this one/,
  );
});

test('what was left aside of an old-style map is told beside what the kernel lacks', () => {
  using loaded = openText(`
    struct definition { unsigned int type, key, value, entries, flags, id, pinning, inner_id, inner_idx; };
    SEC("maps") struct definition old = { .type = 2, .key = 4, .value = 8, .entries = 1, .pinning = 2 };
    SEC("xdp") int uses(struct xdp_md *context) { int key = 0; return bpf_map_lookup_elem(&old, &key) ? 2 : 1; }`).load();
  assert.equal(verdict(loaded, 'uses'), 2);
  assert.deepEqual(
    loaded.degraded.filter(({ name }) => name === 'object').map(({ what }) => what),
    ['map "old" is not pinned'],
  );
});

test('maps that the kernel takes without their types are told, but those that have none in any kernel', () => {
  using loaded = openText(`
    struct key { __u32 of_struct; };
    struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, struct key); __type(value, int); } a SEC(".maps");
    struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, struct key); __type(value, int); } b SEC(".maps");
    struct { __uint(type, BPF_MAP_TYPE_QUEUE); __uint(max_entries, 1); __type(value, int); } queue SEC(".maps");
    struct { __uint(type, BPF_MAP_TYPE_DEVMAP); __uint(max_entries, 1); __type(key, int); __type(value, int); } devices SEC(".maps");
    SEC("xdp") int p(struct xdp_md *context) { return 2; }`).load();
  assert.deepEqual(
    loaded.degraded.map(({ name, what, why }) => [name, what, why]),
    ['a', 'b'].map((map) => [
      'mapTypes',
      `map "${map}" has no types in the kernel`,
      `give map "${map}" (array) its types: Invalid argument (EINVAL)`,
    ]),
  );
  const btfIds = ['a', 'queue'].map((map) => readMapInfo(loaded.map(map).fd).btfId);
  assert.deepEqual(btfIds, [0, 0]);
});
