/** `xdpkit map …` against bpftool, on maps of the tests' own. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { after, test } from 'node:test';
import { bpftool, uniqueName } from '../kernel/kernel-state.test.support.js';
import { possibleCpus } from '../linux/cpu.js';
import { openText } from '../object/compile-text.test.support.js';
import { runWords } from './run-words.test.support.js';

const token = uniqueName();
const long = `connection_tracking_${token}`;
const source = `
#include <linux/in6.h>
struct counter { __u64 packets; __u64 bytes; };
struct flow { __be32 saddr; __be16 dport; __u8 protocol; };
struct peer { unsigned char mac[6]; struct in6_addr address; char name[16]; __u64 seen; };
struct prefix { __u32 length; __u8 data[4]; };
struct note { char text[8]; };
#define MAP(kind, name, k, v, size, flags) struct { __uint(type, BPF_MAP_TYPE_##kind); __uint(max_entries, size); \\
	__uint(map_flags, flags); __type(key, k); __type(value, v); } name SEC(".maps");
MAP(HASH, ${long}, struct flow, struct peer, 2, 0)
MAP(PERCPU_ARRAY, c_${token}, __u32, struct counter, 3, 0)
MAP(PERCPU_ARRAY, n_${token}, __u32, struct note, 1, 0)
MAP(LPM_TRIE, r_${token}, struct prefix, __u32, 30, BPF_F_NO_PREALLOC)
MAP(HASH, l_${token}, __u32, struct counter, 100000, 0)
struct { __uint(type, BPF_MAP_TYPE_PROG_ARRAY); __uint(max_entries, 2); __type(key, __u32); __type(value, __u32); }
	j_${token} SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); } e_${token} SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_QUEUE); __uint(max_entries, 2); __uint(value_size, 4); } q_${token} SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_STACK); __uint(max_entries, 2); __type(value, struct counter); } s_${token} SEC(".maps");
SEC("xdp") int p_${token}(struct xdp_md *c) {
	__u32 key = 0;
	return bpf_map_lookup_elem(&c_${token}, &key) ? XDP_PASS : XDP_DROP;
}
`;
const object = openText(source).load();
after(() => object[Symbol.dispose]());
const cpus = possibleCpus();
const idOf = (name: string): string => String(object.map(name).info().id);
const [counters, notes, routes, large, jumps] = ['c', 'n', 'r', 'l', 'j'].map((letter) => `${letter}_${token}`) as [
  string,
  string,
  string,
  string,
  string,
];

async function text(...words: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await runWords(['map', ...words]);
  assert.equal(exitCode, 0, `${words.join(' ')}: ${stderr}`);
  return stdout;
}

async function json(...words: string[]) {
  const { exitCode, stdout, stderr } = await runWords(['map', ...words, '--json']);
  assert.deepEqual([exitCode, stderr], [0, ''], stdout);
  assert.match(stdout, /^[^\n]*\n$/, 'one document on one line');
  return JSON.parse(stdout);
}

async function refusal(exitCode: number, ...words: string[]): Promise<string> {
  const ran = await runWords(['map', ...words]);
  assert.equal(ran.exitCode, exitCode, `${words.join(' ')}: ${ran.stdout}${ran.stderr}`);
  return ran.stderr;
}

interface Shown {
  readonly id: number;
  readonly type: string;
  readonly name: string;
  readonly bytes_key: number;
  readonly bytes_value: number;
  readonly max_entries: number;
  readonly bytes_memlock: number;
}

test('ls and show tell what bpftool tells, and full names', async () => {
  const { maps } = await json('ls');
  const { id } = object.map(long).info();
  const mine = maps.find((map: { id: number }) => map.id === id);
  const shown = bpftool('map', 'show', 'id', String(id)) as Shown;
  assert.deepEqual(
    [mine.type, mine.kernelName, mine.keySize, mine.valueSize, mine.maxEntries, mine.memoryBytes, mine.frozen],
    [shown.type, shown.name, shown.bytes_key, shown.bytes_value, shown.max_entries, shown.bytes_memlock, false],
  );
  assert.equal(mine.name, long);
  assert.match(await text('ls'), new RegExp(`^ *${id} +hash +${long} +8 B +48 B +2 +[\\d.]+ k?B$`, 'm'));

  const one = await text('show', long);
  assert.match(one, new RegExp(`^map ${id}: ${long}, hash$`, 'm'));
  assert.match(one, /^ {2}key {12}8 bytes, struct flow$/m);
  assert.match(await text('show', counters), /^ {2}value {10}16 bytes a CPU, struct counter$/m);
  const { programs, processes, keyType } = await json('show', counters);
  const program = { id: object.program(`p_${token}`).id, name: `p_${token}`, type: 'xdp' };
  assert.deepEqual([programs, processes, keyType], [[program], [], '__u32']);
});

test('a map is meant by id, pin or name; a name that two maps have is refused with both', async () => {
  const path = `/sys/fs/bpf/${token}_which`;
  await text('pin', counters, path);
  try {
    assert.ok(existsSync(path));
    for (const reference of [counters, idOf(counters), path]) {
      assert.equal((await json('show', reference)).id, Number(idOf(counters)), reference);
    }
    assert.deepEqual((await json('show', counters)).pins, [path]);
    assert.match(await text('ls'), new RegExp(`^map ${idOf(counters)} is pinned at ${path}$`, 'm'));
    assert.match(await refusal(1, 'pin', notes, path), /the path is taken/);
    using other = openText(source).load();
    const second = other.map(counters).info().id;
    assert.match(
      await refusal(2, 'show', counters),
      new RegExp(`^error: several maps are named "${counters}": ${idOf(counters)} \\(percpu_array\\), ${second} `),
    );
  } finally {
    const { pin } = await json('unpin', path);
    assert.equal(pin, path);
  }
  assert.ok(!existsSync(path));
  assert.match(await refusal(3, 'unpin', path), /there is nothing/);
  assert.match(await refusal(3, 'show', path), /there is no map pinned at/);
  assert.match(await refusal(3, 'show', '4294967295'), /there is no map with id 4294967295/);
  assert.match(await refusal(3, 'show', `${token}nothing`), /there is no map named/);
  const program = `/sys/fs/bpf/${token}_program`;
  object.program(`p_${token}`).pin(program);
  try {
    assert.match(await refusal(1, 'show', program), /what is there is a program/);
    assert.match(await refusal(1, 'unpin', program), /what is there is a program/);
    assert.ok(existsSync(program), 'a pin of another kind stays');
  } finally {
    rmSync(program);
  }
});

test('set, get, dump and delete: words in, words out, as bpftool sees it', async () => {
  const id = idOf(long);
  const key = '{"saddr": "10.0.0.1", "dport": 443, "protocol": 6}';
  const value = '{"mac": "02:00:00:00:00:01", "address": "fc00::1", "name": "eth0", "seen": 18446744073709551615}';
  await text('set', long, key, value);
  const [{ key: keyBytes, value: valueBytes }] = bpftool('map', 'dump', 'id', id) as [
    { key: string[]; value: string[] },
  ];
  assert.deepEqual(keyBytes.slice(0, 7).map(Number), [10, 0, 0, 1, 1, 0xbb, 6]);
  assert.deepEqual(valueBytes.slice(0, 6).map(Number), [2, 0, 0, 0, 0, 1]);
  assert.deepEqual(valueBytes.slice(-8).map(Number), Array(8).fill(255));

  const shown = 'mac: 02:00:00:00:00:01, address: fc00::1, name: "eth0", seen: 18446744073709551615';
  assert.equal(await text('get', id, key), `{${shown}}\n`);
  assert.equal(
    await text('dump', id),
    `{saddr: 10.0.0.1, dport: 443, protocol: 6} = {\n  ${shown.split(', ').join(',\n  ')},\n}\n`,
  );
  // What dump prints for programs is what get and set take, to the last digit.
  const { stdout } = await runWords(['map', 'dump', id, '--json']);
  const entry = /"entries":\[\{"key":(\{.*?\}),"value":(\{.*\})\}\]\}\n$/.exec(stdout);
  assert.ok(entry?.[1] && entry[2], stdout);
  assert.match(entry[2], /"seen":18446744073709551615\}$/);
  await text('delete', id, entry[1]);
  assert.deepEqual(bpftool('map', 'dump', 'id', id), []);
  await text('set', id, entry[1], entry[2]);
  assert.deepEqual((bpftool('map', 'dump', 'id', id) as [{ value: string[] }])[0].value, valueBytes);

  assert.match(await refusal(1, 'set', id, key, value, '--mode', 'create'), /the key exists already/);
  const absent = '{"saddr": "10.0.0.2", "dport": 1, "protocol": 6}';
  assert.match(await refusal(3, 'set', id, absent, value, '--mode', 'update'), /there is no such key/);
  assert.match(await refusal(3, 'get', id, absent), /has no entry at \{"saddr": "10\.0\.0\.2"/);
  assert.match(await refusal(3, 'delete', id, absent), /has no entry at/);
  await text('set', id, absent, value);
  assert.match(await refusal(1, 'set', id, absent.replace('6', '17'), value), /it is full \(hash of 2 entries\)/);
  assert.match(await refusal(2, 'get', id, '{"saddr": 1}'), /field "dport" is missing/);
  assert.match(await refusal(2, 'get', id, '{"saddr": 1'), /this is no JSON: it ends too early/);
  assert.match(await refusal(2, 'set', id, absent, '{"mac": "02:00"}'), /field "mac": an array of 6 bytes/);
});

test('prefixes are written as such', async () => {
  await text('set', routes, '10.0.0.0/8', '5');
  await text('set', routes, '192.168.1.1', '0x10');
  assert.equal(await text('dump', routes), '10.0.0.0/8 = 5\n192.168.1.1/32 = 16\n');
  const [entry] = bpftool('map', 'dump', 'name', routes) as [{ formatted: { key: object; value: number } }];
  assert.deepEqual(entry.formatted, { key: { length: 8, data: [10, 0, 0, 0] }, value: 5 });
  assert.equal(await text('get', routes, '10.200.0.1'), '5\n', 'the longest match');
  assert.deepEqual((await json('get', routes, '10.0.0.0/8')).key, { length: 8, data: '0a000000' });
  await text('delete', routes, '10.0.0.0/8');
  assert.match(await refusal(2, 'get', routes, 'fc00::/7'), /hold 32 bits, not 128/);
  assert.match(await refusal(2, 'get', routes, '10.0.0.0/33'), /its length must be 0 to 32/);
});

test('per-CPU values: the sum, or each', async () => {
  await text('set', counters, '1', '{"packets": 5, "bytes": 18446744073709551614}');
  const { formatted } = bpftool('map', 'lookup', 'name', counters, 'key', '1', '0', '0', '0') as {
    formatted: { values: { cpu: number; value: { packets: number } }[] };
  };
  assert.deepEqual(
    formatted.values.map(({ value }) => value.packets),
    Array.from({ length: cpus }, (_, cpu) => (cpu === 0 ? 5 : 0)),
  );
  assert.equal(await text('get', counters, '1'), '{packets: 5, bytes: 18446744073709551614}\n');
  const each = Array.from({ length: cpus }, (_, cpu) => ({ packets: cpu + 1, bytes: 0 }));
  await text('set', counters, '2', JSON.stringify(each), '--per-cpu');
  assert.deepEqual((await json('get', counters, '2', '--per-cpu')).values, each);
  assert.deepEqual((await json('get', counters, '2')).value, { packets: (cpus * (cpus + 1)) / 2, bytes: 0 });
  assert.match(await text('dump', counters, '--per-cpu'), /^2 =\n {2}CPU 0: \{packets: 1, bytes: 0\}$/m);
  assert.match(await refusal(2, 'set', counters, '2', '[]', '--per-cpu'), new RegExp(`an array of ${cpus}, one value`));
  assert.match(await refusal(2, 'set', routes, '10.0.0.0/8', '[]', '--per-cpu'), /has no value for each CPU/);

  assert.match(await refusal(2, 'set', notes, '0', '{"text": "a"}'), /have no sum over CPUs.*\nhint: .*--per-cpu/);
  await text('set', notes, '0', JSON.stringify(each.map(() => ({ text: 'a' }))), '--per-cpu');
  assert.match(await text('dump', notes), /^0 =\n {2}CPU 0: \{text: "a"\}$/m);
  assert.equal((await json('dump', notes)).entries[0].values.length, cpus);
});

test('a program array shows and takes ids of programs', async () => {
  const { id } = object.program(`p_${token}`);
  await text('set', jumps, '1', String(id));
  assert.equal(await text('dump', jumps), `1 = ${id}\n`);
  const path = `/sys/fs/bpf/${token}_jump`;
  object.program(`p_${token}`).pin(path);
  try {
    await text('set', jumps, '0', path);
  } finally {
    rmSync(path);
  }
  assert.equal(await text('get', jumps, '0'), `${id}\n`);
  await text('delete', jumps, '0');
  assert.match(await refusal(3, 'set', jumps, '0', '4294967295'), /there is no program with id 4294967295/);
});

test('queues and stacks are pushed to and popped from, in their order', async () => {
  const [queue, stack] = [`q_${token}`, `s_${token}`];
  await text('push', queue, '1');
  await text('push', queue, '0x2');
  assert.match(await refusal(1, 'push', queue, '3'), /^error: push to map "q_.*it is full \(queue of 2 entries\)\n/);
  await text('push', queue, '3', '--replace-oldest');
  assert.equal(await text('pop', queue, '--peek'), '2\n');
  const peeked = bpftool('map', 'peek', 'name', queue) as { value: string[] };
  assert.deepEqual(peeked.value.map(Number), [2, 0, 0, 0]);
  assert.equal((await json('pop', queue)).value, 2);
  assert.equal(await text('pop', queue), '3\n');
  assert.match(await refusal(3, 'pop', queue), /^error: map "q_.*" is empty\n/);

  // The kernel keeps no types for stacks: eight-byte pieces of a struct are just bytes there.
  const bytes = (last: string): string => `0x${'00'.repeat(15)}${last}`;
  for (const last of ['01', '02']) await text('push', stack, bytes(last));
  assert.equal(await text('pop', stack), `${bytes('02')}\n`);
  assert.equal(await text('pop', stack), `${bytes('01')}\n`);
  assert.match(await refusal(2, 'push', stack, '12'), /value of map "s_.*an array of 16 bytes is expected/);
  assert.match(await refusal(2, 'push', large, '12'), /is of type hash: only queues and stacks/);
  assert.match(await refusal(1, 'dump', queue), /a queue has no keys/);
});

test('many entries are all there, as one document or a line each', async () => {
  const count = 100_000;
  const map = object.map(large);
  const keys = new Uint32Array(count).map((_, index) => index);
  const values = new BigUint64Array(count * 2).map((_, index) => BigInt(index));
  map.updateBatch(new Uint8Array(keys.buffer), new Uint8Array(values.buffer), count);
  const { entries } = await json('dump', large);
  assert.equal(entries.length, count);
  for (const { key, value } of entries) {
    if (value.packets !== key * 2 || value.bytes !== key * 2 + 1) assert.fail(`${key}: ${JSON.stringify(value)}`);
  }
  const lines = (await text('dump', large)).trimEnd().split('\n');
  assert.equal(new Set(lines).size, count);
  assert.ok(lines.includes('7 = {packets: 14, bytes: 15}'));
});

const toolPath = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };

test('create makes what bpftool shows', async () => {
  const path = `/sys/fs/bpf/${token}_made`;
  const shape = ['--type', 'lpm_trie', '--key', '8', '--value', '2', '--entries', '7'];
  try {
    const { map, pin } = await json('create', path, ...shape, '--name', `m_${token}`, '--flags', '0x80');
    assert.deepEqual([map.name, pin], [`m_${token}`, path]);
    const shown = bpftool('map', 'show', 'pinned', path) as Shown & { flags: number };
    assert.deepEqual(
      [shown.id, shown.type, shown.name, shown.bytes_key, shown.bytes_value, shown.max_entries, shown.flags],
      [map.id, 'lpm_trie', `m_${token}`, 8, 2, 7, 0x81],
    );
    await text('set', path, '10.0.0.0/8', '3');
    assert.equal(await text('dump', path), '10.0.0.0/8 = 3\n');
    assert.match(await refusal(1, 'create', path, ...shape), /the path is taken/);
  } finally {
    rmSync(path);
  }
  assert.match(
    await refusal(2, 'create', path, '--type', 'tree', '--entries', '1'),
    /no map type "tree"\nhint: .*hash, /,
  );
  assert.match(await refusal(5, 'create', path, '--type', 'hash', '--entries', '1'), /^error: create map "/);
  assert.match(await refusal(2, 'create', path, '--type', 'hash', '--entries', '-1'), /is no whole number/);
  assert.ok(!existsSync(path));
});

/** A map without BTF, as other tools make them. */
async function withMap(words: string, run: (path: string) => Promise<void>): Promise<void> {
  const path = `/sys/fs/bpf/${token}_plain`;
  const [type = '', key = '', value = '', flags = '0'] = words.split(' ');
  const shape = ['key', key, 'value', value, 'entries', '4', 'flags', flags, 'name', `o_${token}`];
  const made = spawnSync('bpftool', ['map', 'create', path, 'type', type, ...shape], {
    encoding: 'utf8',
    env: toolPath,
  });
  assert.equal(made.status, 0, made.stderr);
  try {
    await run(path);
  } finally {
    rmSync(path);
  }
}

test('maps without types: integers, or bytes', async () => {
  await withMap('lpm_trie 20 1 1', async (path) => {
    await text('set', path, 'fc00::/7', '1');
    assert.equal(await text('dump', path), 'fc00::/7 = 1\n');
    assert.match(await refusal(2, 'set', path, '10.0.0.0/8', '1'), /hold 128 bits, not 32/);
  });
  await withMap('lpm_trie 8 1 1', async (path) => {
    await text('set', path, '0.0.0.0/0', '2');
    assert.equal(await text('get', path, '203.0.113.9'), '2\n');
    assert.equal(await text('dump', path), '0.0.0.0/0 = 2\n');
  });
  await withMap('lru_percpu_hash 6 2', async (path) => {
    await text('set', path, '02:00:00:00:00:01', '0x102');
    assert.equal(await text('dump', path), '02:00:00:00:00:01 = 258\n');
    assert.deepEqual((await json('dump', path)).entries, [{ key: '020000000001', value: 258 }]);
  });
  await withMap('hash 4 12', async (path) => {
    await text('set', path, '10.0.0.1', '0x000102030405060708090a0b');
    const [entry] = bpftool('map', 'dump', 'pinned', path) as [{ key: string[]; value: string[] }];
    assert.deepEqual(entry.key.map(Number), [10, 0, 0, 1], 'as packets carry it');
    assert.equal(await text('get', path, '10.0.0.1'), '0x000102030405060708090a0b\n');
    assert.match(await refusal(2, 'get', path, '--', '-1'), /from 0 to 4294967295 is expected, not the number -1/);
  });
});

test('descriptors of other processes are not to be had, and some values not to be read', async () => {
  for (const words of ['xskmap 4 4', 'sockmap 4 4', 'perf_event_array 4 4']) {
    await withMap(words, async (path) => {
      assert.match(await refusal(2, 'set', path, '0', '3'), /are descriptors: only a process that has them/);
      assert.match(await refusal(1, 'dump', path), /cannot read values of a |sockets are read as cookies of 8 bytes/);
    });
  }
});

test('what has no entries says so', async () => {
  assert.match(await refusal(1, 'dump', `e_${token}`), /^error: list keys of map "e_.*: a ringbuf has no keys/);
  assert.match(await refusal(2, 'get', counters, '3'), /3 is out of range; it has 3 entries/);
  assert.match(await refusal(1, 'delete', counters, '0'), /Entries of an array always exist/);
});

test('a reader that has seen enough ends a dump', async () => {
  const stop = new AbortController();
  stop.abort();
  const { stdout } = await runWords(['map', 'dump', large], { signal: stop.signal });
  const lines = stdout.split('\n').length;
  assert.ok(lines > 100 && lines < 50_000, String(lines));
});
