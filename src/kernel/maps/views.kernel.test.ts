/** Views of maps: what they write is what bpftool reads, and what programs find. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmdirSync, rmSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { labUp, ping } from '../../lab/index.js';
import { possibleCpus } from '../../linux/cpu.js';
import { FileDescriptor } from '../../linux/file-descriptor.js';
import { listMounts } from '../../linux/mount.js';
import { scratchNetns } from '../../linux/scratch-netns.test.helper.js';
import { mustCall } from '../../linux/syscalls.js';
import { openText } from '../../object/compile-text.test.support.js';
import { commands } from '../../uapi/bpf.generated.js';
import { Attribute, bpf } from '../bpf.js';
import { createPlainMap } from '../create-plain-map.js';
import { bpftool, refusalOf, uniqueName } from '../kernel-state.test.support.js';
import type { BpfMap } from '../map.js';
import { BloomFilter } from './bloom-filter.js';
import { CgroupArray } from './cgroup-array.js';
import { LpmTrie } from './lpm-trie.js';
import { MapOfMaps } from './map-of-maps.js';
import { ProgramArray } from './program-array.js';
import { CpuMap, DeviceMap } from './redirect-maps.js';
import { SocketMap } from './socket-map.js';
import { StackTraceMap } from './stack-trace-map.js';
import { StorageMap } from './storage-map.js';

const name = uniqueName();
const map = (kind: string, letter: string, rest: string): string =>
  `struct { __uint(type, BPF_MAP_TYPE_${kind}); ${rest} } ${name}${letter} SEC(".maps");\n`;
const words = '__type(key, __u32); __type(value, __u32); __uint(max_entries, 4);';
const object = openText(
  `
#include <linux/in6.h>
struct four { __u32 length; __be32 address; };
struct six { __u32 length; struct in6_addr address; };
${map('LPM_TRIE', 'f', '__type(key, struct four); __type(value, __u64); __uint(max_entries, 9); __uint(map_flags, 1);')}
${map('LPM_TRIE', 's', '__type(key, struct six); __type(value, __u64); __uint(max_entries, 9); __uint(map_flags, 1);')}
struct inner { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 4); __type(key, __u32); __type(value, __u64); };
struct inner ${name}i SEC(".maps");
${map('HASH_OF_MAPS', 'o', '__uint(max_entries, 4); __type(key, __u64); __array(values, struct inner);')}
${map('PROG_ARRAY', 'p', words)}
${map('BLOOM_FILTER', 'b', '__uint(max_entries, 1000); __type(value, struct four);')}
${map('DEVMAP', 'd', '__type(key, __u32); __type(value, struct bpf_devmap_val); __uint(max_entries, 4);')}
${map('DEVMAP_HASH', 'h', words)}
${map('CPUMAP', 'c', '__type(key, __u32); __type(value, struct bpf_cpumap_val); __uint(max_entries, 64);')}
${map('STACK_TRACE', 't', '__type(key, __u32); __uint(value_size, 160); __uint(max_entries, 8);')}
${map('TASK_STORAGE', 'k', '__uint(map_flags, 1); __type(key, int); __type(value, struct four);')}
int stack = -1;
__u64 sent, moved;
SEC("xdp") int ${name}out(struct xdp_md *c) {
  unsigned char *data = (void *)(long)c->data;
  // Neighbours are still to be found.
  if (data + 14 > (unsigned char *)(long)c->data_end || data[12] != 8 || data[13] != 0) return XDP_PASS;
  return bpf_redirect_map(&${name}d, 0, 0);
}
SEC("xdp/devmap") int ${name}dev(struct xdp_md *c) { __sync_fetch_and_add(&sent, 1); return XDP_PASS; }
SEC("xdp") int ${name}to(struct xdp_md *c) { return bpf_redirect_map(&${name}c, 0, 0); }
SEC("xdp/cpumap") int ${name}cpu(struct xdp_md *c) { __sync_fetch_and_add(&moved, 1); return XDP_PASS; }
SEC("xdp") int ${name}pass(struct xdp_md *c) { return XDP_PASS; }
SEC("raw_tp") int ${name}raw(void *c) { stack = bpf_get_stackid(c, &${name}t, 0); return 0; }
`,
  { name },
);

/** Of an entry that holds nothing an error instead of a value. */
type Bytes = { readonly key: readonly string[]; readonly value: readonly string[] | { readonly error: string } };
const rawEntries = (of: BpfMap<never, never>): number[][] =>
  (bpftool('map', 'dump', 'id', String(of.info().id)) as Bytes[]).flatMap(({ key, value }) =>
    Array.isArray(value) ? [[...key, ...value].map(Number)] : [],
  );

test('prefixes of IPv4 and IPv6 are keys of a trie', () => {
  using loaded = object.load();
  const four = new LpmTrie<bigint>(loaded.map(`${name}f`));
  four.set('10.0.0.0/8', 1n);
  four.set('10.1.2.3/16', 2n);
  four.set('0.0.0.0/0', 3n);
  assert.equal(four.get('10.1.255.1'), 2n);
  assert.equal(four.get('10.2.0.1'), 1n);
  assert.deepEqual(
    [...four],
    [
      ['10.1.0.0/16', 2n],
      ['10.0.0.0/8', 1n],
      ['0.0.0.0/0', 3n],
    ],
  );
  assert.deepEqual(rawEntries(loaded.map(`${name}f`))[0]?.slice(0, 8), [16, 0, 0, 0, 10, 1, 0, 0]);
  assert.equal(four.delete('10.1.0.0/16'), true);
  assert.equal(four.delete('10.1.0.0/16'), false);
  const six = new LpmTrie<bigint>(loaded.map(`${name}s`));
  six.set('fc00::/7', 4n);
  assert.equal(six.get('fd00::1'), 4n);
  assert.equal(six.get('::1'), undefined);
  assert.deepEqual([...six], [['fc00::/7', 4n]]);
  // The map itself takes prefixes, and structs as its BTF has them.
  const plain = loaded.map<string | { length: number; address: number }, bigint>(`${name}f`);
  plain.set('192.168.0.0/24', 5n);
  assert.equal(plain.get({ length: 32, address: 0xc0a80001 }), 5n);
  assert.match(
    refusalOf(() => four.get('fc00::1')),
    /^KEY_SHAPE: key of map "\w+": fc00::1: .* hold 32 bits, not 128$/,
  );
  assert.match(
    refusalOf(() => four.get('10.0.0.0/33')),
    /^KEY_SHAPE: key of map "\w+": .*its length must be 0 to 32 bits$/,
  );
  assert.match(
    refusalOf(() => new LpmTrie(loaded.map(`${name}d`))),
    /^USAGE: map "\w+" is of type devmap: only LPM tries/,
  );
});

test('a map of maps is given maps, and opens them', () => {
  using loaded = object.load();
  const inner = loaded.map<number, bigint>(`${name}i`);
  const outer = new MapOfMaps<bigint, number, bigint>(loaded.map(`${name}o`));
  outer.set(7n, inner);
  inner.set(1, 2n);
  {
    using found = outer.get(7n) ?? assert.fail('no inner map');
    assert.equal(found.get(1), 2n);
    assert.equal(found.info().id, inner.info().id);
  }
  assert.equal(outer.idAt(7n), inner.info().id);
  assert.deepEqual([...outer.ids()], [[7n, inner.info().id]]);
  assert.equal(outer.get(8n), undefined);
  using other = createPlainMap({ name: uniqueName(), type: 'hash', keySize: 4, valueSize: 4, maxEntries: 4 });
  assert.match(
    refusalOf(() => outer.set(8n, other)),
    /^SYSCALL: write to map .*\(EINVAL\)$/,
  );
  assert.equal(outer.delete(7n), true);
  assert.equal(outer.delete(7n), false);
});

test('a program array is given programs, and tells their ids', () => {
  using loaded = object.load();
  const programs = new ProgramArray(loaded.map(`${name}p`));
  const program = loaded.program(`${name}out`);
  programs.set(2, program);
  assert.equal(programs.get(2), program.id);
  assert.equal(programs.get(1), undefined);
  assert.deepEqual([...programs], [[2, program.id]]);
  assert.equal(programs.delete(2), true);
  assert.equal(programs.delete(2), false);
});

test('a bloom filter has what was added', () => {
  using loaded = object.load();
  const filter = new BloomFilter<{ length: number; address: number }>(loaded.map(`${name}b`));
  const value = (length: number) => ({ length, address: 1 });
  for (let length = 0; length < 100; length += 1) filter.push(value(length));
  for (let length = 0; length < 100; length += 1) assert.equal(filter.has(value(length)), true);
  const taken = Array.from({ length: 1000 }, (_, index) => filter.has(value(1000 + index))).filter(Boolean).length;
  assert.ok(taken < 100, `${taken} of 1000 are taken for others`);
});

test('packets are redirected to the device in a device map, and meet its program', async () => {
  using lab = labUp({ temporary: true });
  const { left, right } = lab.hosts;
  using loaded = object.load();
  const devices = new DeviceMap(loaded.map(`${name}d`), { netns: left.name });
  const program = loaded.program(`${name}dev`);
  devices.set(0, { device: 'veth0', program });
  const found = devices.get(0);
  assert.ok(found !== undefined && found.ifindex > 1);
  assert.equal(found.programId, program.id);
  assert.deepEqual([...devices], [[0, found]]);
  const id = Buffer.alloc(4);
  id.writeUInt32LE(program.id);
  assert.deepEqual(
    rawEntries(loaded.map(`${name}d`)).map((bytes) => bytes.slice(8)),
    [[...id]],
  );
  using _ = loaded.program(`${name}out`).attachXdp({ device: 'veth0', netns: left.name, mode: 'native' });
  // A veth takes redirected packets where its peer has an XDP program.
  using _peer = loaded.program(`${name}pass`).attachXdp({ device: 'veth0', netns: right.name, mode: 'native' });
  const { received } = await ping({
    netns: right.netns,
    destination: left.ipv4,
    count: 20,
    intervalMs: 2,
    timeoutMs: 100,
  });
  assert.equal(received, 0, 'requests went back');
  assert.ok((loaded.globals.sent as bigint) >= 20n, String(loaded.globals.sent));

  const hash = new DeviceMap(loaded.map(`${name}h`), { netns: left.name });
  hash.set(1000, { ifindex: found.ifindex });
  assert.deepEqual([...hash], [[1000, { ifindex: found.ifindex, programId: undefined }]]);
  assert.equal(hash.delete(1000), true);
  assert.match(
    refusalOf(() => hash.set(1, { device: 'veth0', program })),
    /^USAGE: .* of 4 bytes have no room for a program$/,
  );
  assert.match(
    refusalOf(() => hash.set(1, { device: 'nothing' })),
    /^DEVICE_NOT_FOUND: /,
  );
  assert.throws(() => devices.set(1, { device: 'veth0', program: loaded.program(`${name}out`) }), {
    message: /\(EINVAL\)$/,
    hint: /is the program one for devices/,
  });
});

test('packets go on at the CPU of a CPU map, and meet its program', async () => {
  using lab = labUp({ temporary: true });
  const { left, right } = lab.hosts;
  using loaded = object.load();
  const cpus = new CpuMap(loaded.map(`${name}c`));
  const program = loaded.program(`${name}cpu`);
  cpus.set(0, { queueSize: 192, program });
  assert.deepEqual(cpus.get(0), { queueSize: 192, programId: program.id });
  if (possibleCpus() > 1) assert.deepEqual(cpus.get(1), undefined);
  assert.deepEqual([...cpus], [[0, { queueSize: 192, programId: program.id }]]);
  using _ = loaded.program(`${name}to`).attachXdp({ device: 'veth0', netns: left.name, mode: 'native' });
  const { received } = await ping({ netns: right.netns, destination: left.ipv4, count: 20, intervalMs: 2 });
  assert.equal(received, 20);
  assert.ok((loaded.globals.moved as bigint) >= 20n, String(loaded.globals.moved));
  assert.throws(() => cpus.set(0, { queueSize: 100_000 }), { hint: /1 to 16384 packets/ });
  assert.equal(cpus.delete(0), true);
});

test('a stack trace is told in functions of the kernel', () => {
  using loaded = object.load();
  // prog_fd 0
  const result = bpf(commands.prog_test_run, new Attribute(80).u32(0, loaded.program(`${name}raw`).fd));
  assert.equal(result, 0);
  const stacks = new StackTraceMap(loaded.map(`${name}t`));
  const id = loaded.globals.stack as number;
  const frames = stacks.frames(id) ?? assert.fail(`no stack ${id}`);
  const symbols = frames.map(({ symbol }) => symbol);
  assert.ok(symbols.includes('__sys_bpf') || symbols.includes('__x64_sys_bpf'), symbols.join());
  assert.ok(frames.every(({ offset }) => offset >= 0 && offset < 1 << 20));
  assert.deepEqual([...stacks], [[id, frames.map(({ address }) => address)]]);
  assert.equal(stacks.delete(id), true);
  assert.equal(stacks.get(id), undefined);
});

test('storage is kept with tasks, sockets and control groups', () => {
  using loaded = object.load();
  const tasks = new StorageMap<{ length: number; address: number }>(loaded.map(`${name}k`));
  const owner = { pid: process.pid };
  assert.equal(tasks.get(owner), undefined);
  tasks.set(owner, { length: 3, address: 4 });
  assert.deepEqual(tasks.get(owner), { length: 3, address: 4 });
  assert.equal(tasks.delete(owner), true);
  assert.equal(tasks.delete(owner), false);
  assert.match(
    refusalOf(() => tasks.get({ pid: 2 ** 30 })),
    /^SYSCALL: open process 1073741824: No such process/,
  );
  using ofSockets = createPlainMap({ name: uniqueName(), type: 'sk_storage', valueSize: 8, maxEntries: 0 });
  const sockets = new StorageMap<Uint8Array>(ofSockets as unknown as BpfMap<number, Uint8Array>);
  using socket = new FileDescriptor(mustCall('socket', 'open a socket', [1, 1, 0]));
  sockets.set({ fd: socket.number }, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8));
  assert.deepEqual(sockets.get({ fd: socket.number }), Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8));
  inScratchCgroup((path) => {
    using ofGroups = createPlainMap({ name: uniqueName(), type: 'cgrp_storage', valueSize: 8, maxEntries: 0 });
    const groups = new StorageMap<Uint8Array>(ofGroups as unknown as BpfMap<number, Uint8Array>);
    groups.set({ path }, new Uint8Array(8).fill(9));
    assert.deepEqual(groups.get({ path }), new Uint8Array(8).fill(9));
    using array = createPlainMap({ name: uniqueName(), type: 'cgroup_array', maxEntries: 2 });
    const members = new CgroupArray(array as unknown as BpfMap<number>);
    members.set(1, { path });
    assert.equal(members.delete(1), true);
    assert.equal(members.delete(1), false);
    assert.match(
      refusalOf(() => members.set(0, { path: tmpdir() })),
      /^SYSCALL: write to map .*\(EBADF\)$/,
    );
    assert.match(
      refusalOf(() => members.set(0, { path: `${path}/none` })),
      /^FILE_NOT_FOUND: open /,
    );
  });
});

function inScratchCgroup(run: (path: string) => void): void {
  const mount = listMounts().find(({ type }) => type === 'cgroup2') ?? assert.fail('no cgroup2 file system');
  const path = join(mount.path, `xdpkit-test-${uniqueName()}`);
  mkdirSync(path);
  try {
    run(path);
  } finally {
    rmdirSync(path);
  }
}

test('socket maps are given sockets, and tell their cookies', async (context) => {
  const netns = scratchNetns(context);
  using xsks = createPlainMap({ name: uniqueName(), type: 'xskmap', maxEntries: 2 });
  const queues = new SocketMap(xsks as unknown as BpfMap<number>);
  using xsk = netns.run(() => new FileDescriptor(mustCall('socket', 'open an AF_XDP socket', [44, 3, 0])));
  queues.set(1, xsk.number);
  assert.match(
    refusalOf(() => queues.get(1)),
    /^SYSCALL: read from map .*user space cannot read values of a xskmap/,
  );
  assert.equal(queues.delete(1), true);

  const folder = mkdtempSync(join(tmpdir(), 'xdpkit-sockets-'));
  const server = createServer();
  try {
    await new Promise<void>((resolve) => server.listen(join(folder, 'socket'), resolve));
    const client = createConnection(join(folder, 'socket'));
    await new Promise((resolve) => client.once('connect', resolve));
    const { fd } = (client as unknown as { _handle: { fd: number } })._handle;
    for (const [type, keySize] of [
      ['sockmap', 4],
      ['sockhash', 4],
    ] as const) {
      using made = createPlainMap({ name: uniqueName(), type, keySize, valueSize: 8, maxEntries: 4 });
      const sockets = new SocketMap(made as unknown as BpfMap<number>);
      sockets.set(3, fd);
      const cookie = sockets.get(3) ?? assert.fail('no socket');
      assert.deepEqual([...sockets], [[3, cookie]], type);
      assert.deepEqual(
        rawEntries(made as unknown as BpfMap<never, never>)
          .at(-1)
          ?.slice(0, 4),
        [3, 0, 0, 0],
      );
      assert.equal(sockets.get(1), undefined);
      assert.equal(sockets.delete(3), true);
    }
    client.destroy();
  } finally {
    server.close();
    rmSync(folder, { recursive: true });
  }
});
