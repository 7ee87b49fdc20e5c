import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { possibleCpus } from '../linux/cpu.js';
import type { LoadedObject } from '../loader/loaded.js';
import { openText } from '../object/compile-text.test.support.js';
import type { BpfMap } from './map.js';
import { openMapById } from './map-create.js';
import type { PerCpu } from './per-cpu.js';

interface Counter {
  readonly packets: bigint;
  readonly errors: number;
}

interface Prefix {
  readonly length: number;
  readonly address: number;
}

const source = `
struct counter { __u64 packets; __u32 errors; };
struct prefix { __u32 length; __be32 address; };
struct flow { __u8 protocol; __be16 port; };
#define MAP(kind, name, k, v, size, flags) struct { __uint(type, BPF_MAP_TYPE_##kind); __uint(max_entries, size); \\
	__uint(map_flags, flags); __type(key, k); __type(value, v); } name SEC(".maps");
MAP(ARRAY, slots, __u32, struct counter, 5, 0)
MAP(PERCPU_ARRAY, cpu_slots, __u32, struct counter, 3, 0)
MAP(HASH, flows, struct flow, struct counter, 4, 0)
MAP(PERCPU_HASH, cpu_flows, struct flow, struct counter, 4, 0)
MAP(LRU_HASH, recent, __u32, __u32, 64, 0)
MAP(LPM_TRIE, routes, struct prefix, __u32, 3, BPF_F_NO_PREALLOC)
MAP(HASH, large, __u32, __u64, 100000, 0)
MAP(CPUMAP, cpus, __u32, __u32, 2, 0)
MAP(LRU_PERCPU_HASH, cpu_recent, __u32, __u16, 64, 0)
`;
const object = openText(source);
const load = (): LoadedObject => object.load();
const cpus = possibleCpus();

function bpftool(...words: string[]): unknown {
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
  return JSON.parse(execFileSync('bpftool', ['-j', ...words], { encoding: 'utf8', env, maxBuffer: 1 << 26 }));
}

/** Entries as bpftool reads them, by the map's BTF. */
function dump(map: { info(): { id: number } }): readonly Record<string, never>[] {
  return bpftool('map', 'dump', 'id', String(map.info().id)) as Record<string, never>[];
}

function code(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return `${(error as { code: string }).code}: ${(error as Error).message}`;
  }
  return assert.fail('nothing was refused');
}

test('an array: what is set is what the kernel holds', () => {
  using loaded = load();
  const map = loaded.map<number, Counter>('slots');
  assert.deepEqual(map.get(4), { packets: 0n, errors: 0 });
  map.set(4, { packets: 2n ** 64n - 1n, errors: 7 });
  assert.deepEqual(map.get(4), { packets: 2n ** 64n - 1n, errors: 7 });
  const shown = bpftool('map', 'show', 'id', String(map.info().id));
  const { type, name, bytes_key, bytes_value, max_entries } = shown as Record<string, unknown>;
  assert.deepEqual([type, name, bytes_key, bytes_value, max_entries], ['array', 'slots', 4, 16, 5]);
  const formatted = dump(map)[4]?.formatted as unknown as { key: number; value: { errors: number } };
  assert.deepEqual([formatted.key, formatted.value.errors], [4, 7]);
  assert.deepEqual([...map.keys()], [0, 1, 2, 3, 4]);
  assert.equal([...map.values()].filter(({ errors }) => errors === 7).length, 1);
  assert.equal(
    code(() => map.get(5)),
    'KEY_SHAPE: key of map "slots": 5 is out of range; it has 5 entries',
  );
  assert.match(
    code(() => map.set(-1, { packets: 0n, errors: 0 })),
    /^KEY_SHAPE: key of map "slots": a whole number from 0 to 4294967295 is expected, not the number -1/,
  );
  assert.match(
    code(() => map.set(1, { packets: 0n } as Counter)),
    /^VALUE_SHAPE: value of map "slots": field "errors" is missing/,
  );
  assert.match(
    code(() => map.delete(1)),
    /^SYSCALL: delete from map "slots": Invalid argument/,
  );
  assert.match(
    code(() => map.set(1, { packets: 0n, errors: 0 }, 'create')),
    /^KEY_EXISTS: write to map "slots": the key exists already/,
  );
  map.set(1, { packets: 1n, errors: 1 }, 'update');
});

test('a hash: entries come, change and go; modes; full', () => {
  using loaded = load();
  const map = loaded.map<{ protocol: number; port: number }, Counter>('flows');
  const key = (port: number) => ({ protocol: 6, port });
  assert.equal(map.get(key(80)), undefined);
  assert.match(
    code(() => map.set(key(80), { packets: 0n, errors: 0 }, 'update')),
    /^KEY_NOT_FOUND: write to map "flows": there is no such key/,
  );
  map.set(key(80), { packets: 1n, errors: 2 }, 'create');
  assert.match(
    code(() => map.set(key(80), { packets: 0n, errors: 0 }, 'create')),
    /^KEY_EXISTS/,
  );
  assert.deepEqual(map.get(key(80)), { packets: 1n, errors: 2 });
  const raw = dump(map)[0] as unknown as { key: string[]; value: string[] };
  assert.deepEqual(raw.key, ['0x06', '0x00', '0x00', '0x50']);
  map.set(key(80), { packets: 3n, errors: 4 }, 'update');
  map.set(key(443), { packets: 5n, errors: 6 });
  const byPort = [...map].sort((a, b) => a[0].port - b[0].port);
  assert.deepEqual(byPort, [
    [key(80), { packets: 3n, errors: 4 }],
    [key(443), { packets: 5n, errors: 6 }],
  ]);
  map.set(key(1), { packets: 0n, errors: 0 });
  map.set(key(2), { packets: 0n, errors: 0 });
  assert.match(
    code(() => map.set(key(3), { packets: 0n, errors: 0 })),
    /^MAP_FULL: write to map "flows": it is full \(hash of 4 entries\)/,
  );
  map.set(key(2), { packets: 9n, errors: 0 });
  assert.equal(map.delete(key(1)), true);
  assert.equal(map.delete(key(1)), false);
  assert.equal(map.get(key(1)), undefined);
  map.set(key(3), { packets: 0n, errors: 0 });
  assert.equal(dump(map).length, 4);
  assert.match(
    code(() => map.get({ protocol: 6 } as never)),
    /^KEY_SHAPE: key of map "flows": field "port" is missing; the fields are protocol, port/,
  );
  assert.match(
    code(() => map.get(key(65536))),
    /^KEY_SHAPE: key of map "flows", field "port": a whole number from 0 to 65535/,
  );
});

test('per-CPU maps hold a value for each possible CPU', () => {
  using loaded = load();
  const array = loaded.map<number, PerCpu<Counter>>('cpu_slots');
  const hash = loaded.map<{ protocol: number; port: number }, PerCpu<Counter>>('cpu_flows');
  const values = Array.from({ length: cpus }, (_, cpu) => ({ packets: BigInt(cpu) + 1n, errors: cpu * 10 }));
  const sum = { packets: BigInt((cpus * (cpus + 1)) / 2), errors: (10 * cpus * (cpus - 1)) / 2 };
  const key = { protocol: 17, port: 53 };
  array.set(2, values as PerCpu<Counter>);
  hash.set(key, values as PerCpu<Counter>);
  for (const found of [array.get(2), hash.get(key)]) {
    assert.equal(found?.length, cpus);
    assert.deepEqual([...(found ?? [])], values);
    assert.deepEqual(found?.sum(), sum);
  }
  assert.deepEqual([...hash][0]?.[1].sum(), sum);
  assert.deepEqual(
    [...array].map(([slot, each]) => [slot, each.sum().errors]),
    [
      [0, 0],
      [1, 0],
      [2, sum.errors],
    ],
  );
  const shown = (dump(array)[2] as unknown as { formatted: { values: unknown[] } }).formatted.values;
  assert.deepEqual(
    shown,
    values.map(({ errors, packets }, cpu) => ({ cpu, value: { packets: Number(packets), errors } })),
  );
  assert.match(
    code(() => array.set(0, [{ packets: 0n, errors: 0 }].concat(values) as PerCpu<Counter>)),
    new RegExp(`^VALUE_SHAPE: value of map "cpu_slots": an array of ${cpus}, one value a CPU, is expected`),
  );
  assert.equal(hash.delete(key), true);
  assert.equal(hash.get(key), undefined);
});

test('an LRU hash forgets instead of being full', () => {
  using loaded = load();
  const map = loaded.map<number, number>('recent');
  for (let key = 0; key < 500; key += 1) map.set(key, key * 2);
  const entries = [...map];
  assert.ok(entries.length > 0 && entries.length <= 64);
  for (const [key, value] of entries) assert.equal(value, key * 2);
  assert.equal(entries.length, dump(map).length);
});

test('an LPM trie finds the longest prefix', () => {
  using loaded = load();
  const map = loaded.map<Prefix, number>('routes');
  const address = 0x0a0b0100;
  map.set({ length: 8, address: 0x0a000000 }, 8);
  map.set({ length: 24, address }, 24);
  assert.equal(map.get({ length: 32, address: address + 9 }), 24);
  assert.equal(map.get({ length: 32, address: 0x0aff0000 }), 8);
  assert.equal(map.get({ length: 32, address: 0x0bff0000 }), undefined);
  map.set({ length: 0, address: 0 }, 0);
  assert.match(
    code(() => map.set({ length: 32, address }, 32)),
    /^MAP_FULL: write to map "routes": it is full \(lpm_trie of 3 entries\)/,
  );
  assert.deepEqual(
    [...map.keys()].map(({ length }) => length).sort((a, b) => a - b),
    [0, 8, 24],
  );
  assert.equal(dump(map).length, 3);
  assert.equal(map.delete({ length: 24, address }), true);
  assert.equal(map.delete({ length: 24, address }), false);
  const tooLong = /^KEY_SHAPE: key of map "routes": a prefix of 33 bits is too long; it has at most 32$/;
  assert.match(
    code(() => map.set({ length: 33, address }, 33)),
    tooLong,
  );
  assert.match(
    code(() => map.get({ length: 33, address })),
    tooLong,
  );
  assert.equal(map.get({ length: 32, address }), 8);
});

test('every entry of a large hash is seen once, in batches of any size', () => {
  using loaded = load();
  const map = loaded.map<number, bigint>('large');
  const count = 100_000;
  const keys = Uint32Array.from({ length: count }, (_, index) => index * 7);
  const values = BigUint64Array.from({ length: count }, (_, index) => BigInt(index) * 3n);
  map.updateBatch(new Uint8Array(keys.buffer), new Uint8Array(values.buffer), count);
  assert.equal(map.get(7 * 99_999), 3n * 99_999n);
  const seen = new Set<number>();
  for (const [key, value] of map) {
    assert.equal(value, BigInt(key / 7) * 3n);
    seen.add(key);
  }
  assert.equal(seen.size, count);
  for (const size of [1000, 100_000, 1_000_000]) {
    let total = 0;
    for (const batch of map.batches(size)) {
      assert.ok(batch.count <= size);
      assert.equal(batch.keys.length, batch.count * 4);
      assert.equal(batch.values.length, batch.count * 8);
      total += batch.count;
    }
    assert.equal(total, count);
  }
  assert.match(
    code(() => map.updateBatch(new Uint8Array(4), new Uint8Array(8), 2)),
    /^KEY_SHAPE: map "large": 2 entries are 8 bytes of keys and 16 of values, not 4 and 8/,
  );
});

test('a batch of one entry grows until a bucket of the hash fits', () => {
  using loaded = load();
  const map = loaded.map<number, number>('recent');
  for (let key = 0; key < 40; key += 1) map.set(key, key);
  const seen: string[] = [];
  for (const { keys, count } of map.batches(1)) {
    for (let index = 0; index < count; index += 1) seen.push(keys.slice(index * 4, index * 4 + 4).join());
  }
  assert.equal(new Set(seen).size, 40);
  assert.equal(seen.length, 40);
});

test('a batch that does not fit says so, and what it says of arrays is true', () => {
  using loaded = load();
  const full = loaded.map('flows');
  const keys = new Uint8Array(6 * 4).map((_, index) => (index % 4 === 3 ? index : 0));
  assert.match(
    code(() => full.updateBatch(keys, new Uint8Array(6 * 16), 6)),
    /^MAP_FULL: write to map "flows": it is full/,
  );
  const slots = loaded.map('slots');
  for (const write of [
    () => slots.updateBatch(new Uint8Array([9, 0, 0, 0]), new Uint8Array(16), 1),
    () => slots.setBytes(new Uint8Array([9, 0, 0, 0]), new Uint8Array(16)),
  ]) {
    assert.match(code(write), /^KEY_SHAPE: write to map "slots": an index is out of range; it has 5 entries/);
  }
});

test('a map without batches is read and written entry by entry', () => {
  using loaded = load();
  const map = loaded.map<number, number>('cpus');
  assert.deepEqual([...map], []);
  map.updateBatch(new Uint8Array([0, 0, 0, 0]), new Uint8Array([16, 0, 0, 0]), 1);
  assert.equal(map.get(0), 16);
  assert.deepEqual([...map], [[0, 16]]);
  assert.equal(map.delete(0), true);
  assert.deepEqual([...map], []);
});

test('entries can be deleted while they are listed', () => {
  using loaded = load();
  const map = loaded.map<number, bigint>('large');
  for (let key = 0; key < 50; key += 1) map.set(key, 1n);
  let seen = 0;
  for (const key of map.keys()) {
    assert.equal(map.delete(key), true);
    seen += 1;
  }
  assert.equal(seen, 50);
  assert.deepEqual([...map], []);
});

test('raw bytes are the same entries', () => {
  using loaded = load();
  const map = loaded.map<number, PerCpu<number>>('cpu_recent');
  map.set(1, Array.from({ length: cpus }, (_, cpu) => cpu + 1) as PerCpu<number>);
  const raw = map.getBytes(new Uint8Array([1, 0, 0, 0])) ?? assert.fail();
  assert.equal(raw.length, 8 * cpus, 'each value is padded to 8 bytes');
  assert.deepEqual(
    Array.from({ length: cpus }, (_, cpu) => raw[cpu * 8]),
    [...(map.get(1) ?? [])],
  );
  map.setBytes(new Uint8Array([2, 0, 0, 0]), raw);
  assert.deepEqual([...(map.get(2) ?? [])], [...(map.get(1) ?? [])]);
  assert.match(
    code(() => map.getBytes(new Uint8Array(3))),
    /^KEY_SHAPE: key of map "cpu_recent": 4 bytes are expected, not 3/,
  );
  assert.match(
    code(() => map.setBytes(new Uint8Array(4), new Uint8Array(2))),
    /^VALUE_SHAPE: value of map "cpu_recent"/,
  );
});

test('a map opened by id has the shape of its BTF', () => {
  using loaded = load();
  loaded.map<number, Counter>('slots').set(3, { packets: 4n, errors: 5 });
  using again = openMapById(loaded.map('slots').info().id) as BpfMap & Disposable;
  assert.deepEqual(again.get(3), { packets: 4n, errors: 5 });
  assert.equal(openMapById(0x7fff_fff0), undefined);
});

test('a closed map refuses everything, also in the middle of a listing', () => {
  const loaded = load();
  const map = loaded.map<number, bigint>('large');
  const keys = Uint32Array.from({ length: 50_000 }, (_, index) => index);
  map.updateBatch(new Uint8Array(keys.buffer), new Uint8Array(50_000 * 8), 50_000);
  const batches = map.batches(1000);
  assert.equal(batches.next().done, false);
  loaded[Symbol.dispose]();
  for (const use of [
    () => map.get(0),
    () => map.set(0, 0n),
    () => map.delete(0),
    () => [...map],
    () => map.info(),
    () => map.updateBatch(new Uint8Array(4), new Uint8Array(8), 1),
    () => batches.next(),
  ]) {
    assert.match(code(use), /^CLOSED: map "large" was used after it was closed/);
  }
});

test('old-style maps without BTF have plain numbers and bytes', () => {
  const legacy = `struct def { unsigned type, key_size, value_size, max_entries, map_flags; };
SEC("maps") struct def counts = { BPF_MAP_TYPE_HASH, 4, 8, 10 };
SEC("maps") struct def macs = { BPF_MAP_TYPE_HASH, 6, 2, 10 };`;
  using loaded = openText(legacy, { debug: false }).load();
  const counts = loaded.map<number, bigint>('counts');
  counts.set(5, 6n);
  assert.deepEqual([...counts], [[5, 6n]]);
  const macs = loaded.map<Uint8Array, number>('macs');
  macs.set(new Uint8Array([1, 2, 3, 4, 5, 6]), 7);
  assert.deepEqual([...macs], [[new Uint8Array([1, 2, 3, 4, 5, 6]), 7]]);
  const raw = dump(macs)[0] as unknown as { key: string[] };
  assert.deepEqual(raw.key, ['0x01', '0x02', '0x03', '0x04', '0x05', '0x06']);
});

test('what the kernel refuses to create is named with its shape and a hint', () => {
  const refused = (definition: string) =>
    code(() => openText(`struct { ${definition} } m SEC(".maps");`).load()[Symbol.dispose]());
  assert.match(
    refused('__uint(type, BPF_MAP_TYPE_HASH); __type(key, __u32); __type(value, __u32);'),
    /^MAP_CREATE: create map "m" \(hash, key 4 bytes, value 4 bytes, 0 entries\): Invalid argument/,
  );
  assert.match(
    refused('__uint(type, BPF_MAP_TYPE_LPM_TRIE); __uint(max_entries, 1); __type(key, __u64); __type(value, __u32);'),
    /^MAP_CREATE: create map "m" \(lpm_trie/,
  );
});
