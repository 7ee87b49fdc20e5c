/** Modules that `xdpkit types` writes: compiled as strictly as can be, and run on the kernel. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runWords } from '../cli/run-words.test.support.js';
import { compileText } from '../object/compile-text.test.support.js';
import { openObject } from './open.js';
import { openTypedObject } from './typed-object.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'xdpkit-types-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** A project as a user has it, with the built package and the strictest settings. */
mkdirSync(join(folder, 'node_modules/@types'), { recursive: true });
symlinkSync(root, join(folder, 'node_modules/xdpkit'));
for (const name of ['@types/node', 'undici-types'])
  symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name));
writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
const { include: _, compilerOptions } = JSON.parse(readFileSync(join(root, 'tsconfig.json'), 'utf8'));
const { rootDir, outDir, incremental, tsBuildInfoFile, ...strict } = compilerOptions;
writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: strict }));
writeFileSync(join(folder, 'biome.json'), readFileSync(join(root, 'biome.json'), 'utf8').replace('"src/**"', '"*.ts"'));

function compile(): void {
  const { status, stdout } = spawnSync(
    process.execPath,
    [join(root, 'node_modules/typescript/bin/tsc'), '-p', folder],
    {
      encoding: 'utf8',
    },
  );
  assert.equal(status, 0, stdout);
}

function checkStyle(...names: string[]): void {
  const biome = join(root, 'node_modules/.bin/biome');
  const { status, stderr, stdout } = spawnSync(biome, ['check', ...names], { encoding: 'utf8', cwd: folder });
  assert.equal(status, 0, stdout + stderr);
}

function run(name: string): unknown {
  return JSON.parse(execFileSync(process.execPath, [join(folder, name)], { encoding: 'utf8' }));
}

async function write(object: string, ...words: string[]): Promise<void> {
  const { exitCode, stderr } = await runWords(['types', join(folder, object), ...words]);
  assert.equal(exitCode, 0, stderr);
}

const source = `
#include <linux/in6.h>
enum colour { RED, GREEN = 7 };
enum wide { SMALL = 1, HUGE_ONE = 0x100000000 };
struct counter { __u64 packets; __u32 flags : 3; bool on; char text[8]; enum colour colour; };
struct flow { __be32 saddr; unsigned char mac[6]; union { __u16 port; __u8 type; }; struct { int x; } at[2]; };
struct event { __u32 id; float weight; void *where; };
#define MAP(kind, name, k, v, size, flags) struct { __uint(type, BPF_MAP_TYPE_##kind); __uint(max_entries, size); \\
	__uint(map_flags, flags); __type(key, k); __type(value, v); } name SEC(".maps");
MAP(HASH, flows, struct flow, struct counter, 2, 0)
MAP(PERCPU_ARRAY, per_cpu, __u32, struct counter, 3, 0)
MAP(LPM_TRIE, routes, struct { __u32 length; __u8 data[4]; }, __u32, 30, BPF_F_NO_PREALLOC)
MAP(HASH, unnamed, struct { int a; }, struct { long b; }, 4, 0)
MAP(DEVMAP, ports, __u32, __u32, 4, 0)
MAP(CPUMAP, cpus, __u32, __u32, 4, 0)
MAP(XSKMAP, sockets, __u32, __u32, 4, 0)
MAP(PROG_ARRAY, jumps, __u32, __u32, 4, 0)
struct { __uint(type, BPF_MAP_TYPE_QUEUE); __uint(max_entries, 2); __type(value, struct counter); } queue SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); } events SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 2); __uint(key_size, 3); __uint(value_size, 8); }
	plain SEC(".maps");
struct inner { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, __u32); __type(value, __u64); };
struct { __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS); __uint(max_entries, 2); __type(key, __u32);
	__array(values, struct inner); } tables SEC(".maps");
const volatile __u64 limit = 5;
const volatile enum wide width = HUGE_ONE;
__u64 seen = 3;
struct flow last = {};
char name[16] = "nobody";
static volatile int hidden[3] = { 1, 2, 3 };
struct event *unused = 0;
SEC("xdp") int count(struct xdp_md *c) {
	seen += limit + hidden[1];
	struct event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (event) { event->id = 42; event->weight = 1.5; event->where = 0; bpf_ringbuf_submit(event, 0); }
	return width == HUGE_ONE ? XDP_PASS : XDP_DROP;
}
SEC("xdp.frags") int other(struct xdp_md *c) { return last.port + name[0] + (long)unused; }
`;

const user = `
import { BpfProgram, openRingBuffer, runPacket } from 'xdpkit';
import { Colour, type Counter, type Event, type Flow, openThings, type Things } from './things.js';

const opened = await openThings();
opened.globals.limit = 7n;
const names: (keyof Things['programs'])[] = ['count', 'other'];
using object = opened.load();
const { maps, globals, programs } = object;
globals.name = 'somebody';
// @ts-expect-error: a constant is fixed by the load
const refused = () => { globals.limit = 1n; };
// @ts-expect-error: there is no such map
const missing = () => maps.nothing;
// @ts-expect-error: 64-bit integers are bigints
const number = () => { globals.seen = 1; };
const counter: Counter = { packets: 5n, flags: 3, on: true, text: 'some', colour: Colour.GREEN };
const flow: Flow = { saddr: 0x0a000001, mac: new Uint8Array(6), port: 80, type: 80, at: [{ x: 1 }, { x: -2 }] };
maps.flows.set(flow, counter);
maps.routes.set('10.0.0.0/8', 9);
maps.unnamed.set({ a: 1 }, { b: 2n });
maps.queue.push(counter);
maps.plain.set(new Uint8Array(3), 8n);
maps.jumps.set(1, programs.other);
const run = runPacket(programs.count, { packet: new Uint8Array(64) });
const kept: Counter | undefined = maps.flows.get(flow);
const sum: Counter['packets'] = maps.per_cpu.get(0)?.map((one) => one.packets).reduce((a, b) => a + b, 0n) ?? -1n;
using ring = object.loaded.ringBuffer<Event>('events', { type: 'event' });
const [record]: Event[] = ring.read();
console.log(JSON.stringify({
  names, kept, sum, record, verdict: run.verdict, seen: globals.seen, name: globals.name, hidden: globals.hidden,
  route: maps.routes.get('10.1.2.3'), popped: maps.queue.pop(), plain: maps.plain.get(new Uint8Array(3)),
  jump: maps.jumps.get(1) === programs.other.id, unnamed: maps.unnamed.get({ a: 1 }), program: programs.count instanceof BpfProgram,
  tables: typeof maps.tables.get, ports: typeof maps.ports.set, cpus: typeof maps.cpus.set, ring: typeof openRingBuffer,
  refused: typeof refused, missing: typeof missing, number: typeof number,
}, (_, value) => (typeof value === 'bigint' ? Number(value) : value)));
`;

test('a module for every kind of map, variable and type compiles strictly and does on the kernel what it says', async () => {
  writeFileSync(join(folder, 'things.bpf.o'), compileText(source));
  await write('things.bpf.o', '-o', join(folder, 'things.ts'), '--type', 'event');
  writeFileSync(join(folder, 'user.ts'), user);
  compile();
  checkStyle('things.ts');
  const counter = { packets: 5, flags: 3, on: true, text: 'some', colour: 7 };
  assert.deepEqual(run('user.js'), {
    names: ['count', 'other'],
    kept: counter,
    sum: 0,
    record: { id: 42, weight: 1.5, where: 0 },
    verdict: 'PASS',
    seen: 3 + 7 + 2,
    name: 'somebody',
    hidden: [1, 2, 3],
    route: 9,
    popped: counter,
    plain: 8,
    jump: true,
    unnamed: { b: 2 },
    program: true,
    tables: 'function',
    ports: 'function',
    cpus: 'function',
    ring: 'function',
    refused: 'function',
    missing: 'function',
    number: 'function',
  });
});

test('what the module says of each map is what the library gives', async () => {
  const path = join(folder, 'things.bpf.o');
  using object = (
    await openTypedObject<{ maps: Record<string, object>; variables: object; constants: object; programs: object }>(
      path,
    )
  ).load();
  const text = readFileSync(join(folder, 'things.ts'), 'utf8');
  for (const { name, origin } of object.loaded.spec.maps) {
    if (origin === 'data') continue;
    const declared = new RegExp(`readonly ${name}: (\\w+)`).exec(text)?.[1];
    assert.equal(declared, object.maps[name]?.constructor.name, name);
  }
});

test('examples, embedded, need no file beside the module', async () => {
  for (const name of ['drop-ping', 'pass']) {
    copyFileSync(join(root, `dist/bpf/${name}.bpf.o`), join(folder, `${name}.bpf.o`));
    await write(`${name}.bpf.o`, '--embed', '-o', join(folder, `${name}.ts`));
    rmSync(join(folder, `${name}.bpf.o`));
  }
  writeFileSync(
    join(folder, 'embedded.ts'),
    `import { openDropPing } from './drop-ping.js';
import { openPass } from './pass.js';
using dropPing = (await openDropPing()).load();
using pass = (await openPass()).load();
const stats = dropPing.maps.xdp_stats.get(1)?.sum();
console.log(JSON.stringify([dropPing.programs.drop_ping.name, Object.keys(pass.programs), String(stats?.rx_packets)]));
`,
  );
  compile();
  checkStyle('drop-ping.ts', 'pass.ts');
  assert.deepEqual(run('embedded.js'), ['drop_ping', ['pass'], '0']);
});

test('an object without BTF has values by their sizes, and no types to ask for', async () => {
  const map = 'struct bpf_map_def { unsigned type, key, value, entries, flags; };';
  const text = `${map} struct bpf_map_def old SEC("maps") = { 1, 4, 8, 2, 0 };
SEC("xdp") int pass(struct xdp_md *c) { __u32 key = 0; return bpf_map_lookup_elem(&old, &key) ? 1 : XDP_PASS; }`;
  writeFileSync(join(folder, 'bare.bpf.o'), compileText(text, { debug: false }));
  await write('bare.bpf.o', '-o', join(folder, 'bare.ts'));
  assert.match(readFileSync(join(folder, 'bare.ts'), 'utf8'), /readonly old: BpfMap<number, bigint>;/);
  const { exitCode, stderr } = await runWords(['types', join(folder, 'bare.bpf.o'), '--type', 'datarec']);
  assert.equal(exitCode, 3);
  assert.match(stderr, /has no type called "datarec"\nhint: It was compiled without debug information/);
});

test('a program that was not loaded is refused by its name, and so is an object that is gone', async () => {
  const path = join(folder, 'things.bpf.o');
  const opened = await openTypedObject<{
    maps: object;
    variables: object;
    constants: object;
    programs: { other: object };
  }>(path);
  assert.equal(opened.spec.name, 'things');
  using object = opened.load({ programs: ['count'] });
  assert.deepEqual(Object.keys(object.programs), ['count', 'other']);
  assert.throws(() => object.programs.other, {
    code: 'PROGRAM_NOT_FOUND',
    message: /"other" of things was not loaded/,
  });
  const gone = new URL('gone.bpf.o', import.meta.url);
  await assert.rejects(openTypedObject(gone), { code: 'FILE_NOT_FOUND' });
  await assert.rejects(openObject(fileURLToPath(gone)), { code: 'FILE_NOT_FOUND' });
});
