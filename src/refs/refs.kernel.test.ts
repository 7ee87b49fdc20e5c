/** Each kind of holder is made, seen, taken away, and no longer seen. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { runWords } from '../cli/run-words.test.support.js';
import { Attribute, mustBpf } from '../kernel/bpf.js';
import { createPlainMap } from '../kernel/create-plain-map.js';
import { bpftool, uniqueName } from '../kernel/kernel-state.test.support.js';
import { BpfLink } from '../kernel/link.js';
import type { PinKind } from '../kernel/pin.js';
import { openProgramById } from '../kernel/program.js';
import { labUp } from '../lab/lab-up.js';
import { sweepLabs } from '../lab/remove.js';
import { FileDescriptor } from '../linux/file-descriptor.js';
import { MemoryMap } from '../linux/memory-map.js';
import { mustCall } from '../linux/syscalls.js';
import { compileText, openText } from '../object/compile-text.test.support.js';
import { attachTypes } from '../uapi/bpf.generated.js';
import { attachXdp } from '../xdp/attach.js';
import { detachXdp } from '../xdp/detach.js';
import { tool, toolIn } from '../xdp/real.test.support.js';
import { drawReferences, stepsOf, verdictOf } from './describe.js';
import { findReferences } from './refs.js';

before(() => void sweepLabs());

const perfTracepoint = 2;
const unique = uniqueName();
const object = openText(`
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 4); __type(key, int); __type(value, int); } flows_${unique} SEC(".maps");
SEC("xdp") int count_${unique}(struct xdp_md *c) { int key = 1; return bpf_map_lookup_elem(&flows_${unique}, &key) ? XDP_DROP : XDP_PASS; }
SEC("xdp") int plain_${unique}(struct xdp_md *c) { return XDP_PASS; }
SEC("xdp/devmap") int out_${unique}(struct xdp_md *c) { return XDP_PASS; }
SEC("tc") int tc_${unique}(struct __sk_buff *c) { return 0; }
SEC("cgroup_skb/egress") int cg_${unique}(struct __sk_buff *c) { return 1; }
SEC("sk_msg") int msg_${unique}(struct sk_msg_md *c) { return SK_PASS; }
SEC("raw_tp/xdp_exception") int tp_${unique}(void *c) { return 0; }
SEC("tp/xdp/xdp_exception") int probe_${unique}(void *c) { return 0; }
SEC("socket") int filter_${unique}(struct __sk_buff *c) { return 0; }
SEC("flow_dissector") int flow_${unique}(struct __sk_buff *c) { return BPF_OK; }
`);

/** The lines of the tree without the object itself; processes other than ours, the tests' neighbours, are left out. */
function tree(kind: PinKind, id: number, ...pids: (number | undefined)[]): string[] {
  const [, ...lines] = drawReferences(findReferences(kind, String(id)));
  return lines
    .map((line) => line.replace(/[├└]/g, '+'))
    .filter((line) => {
      const pid = /process (\d+)/.exec(line)?.[1];
      return pid === undefined || pids.includes(Number(pid));
    });
}

/** What to do, without what our neighbours hold for a moment. */
function steps(kind: PinKind, reference: string, ...pids: (number | undefined)[]): string[] {
  return stepsOf(findReferences(kind, reference)).filter((step) => {
    const pid = /end process (\d+)/.exec(step)?.[1];
    return pid === undefined || pids.includes(Number(pid));
  });
}

/** The kernel frees what was let go of a moment later. */
async function assertGone(kind: PinKind, id: number): Promise<void> {
  const code = { map: 'MAP_NOT_FOUND', program: 'PROGRAM_NOT_FOUND', link: 'LINK_NOT_FOUND' }[kind];
  for (let attempt = 0; ; attempt += 1) {
    try {
      findReferences(kind, String(id));
    } catch (error) {
      assert.equal((error as { code: string }).code, code);
      return;
    }
    assert.ok(attempt < 100, `${kind} ${id} is still there`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function load(name: string) {
  const loaded = object.load({ programs: [`${name}_${unique}`] });
  const program = loaded.program(`${name}_${unique}`);
  return { loaded, program, id: program.info().id };
}

const self = process.pid;
const mine = (fd: number): RegExp => new RegExp(`^\\+─ process ${self} \\(.+\\), descriptor ${fd}$`);

test('a map: descriptor, pin, program, link; and a name, a path or an id', async () => {
  const { loaded, program } = load('count');
  const map = loaded.map(`flows_${unique}`);
  const { id } = map.info();
  const pin = `/sys/fs/bpf/refs_${unique}`;
  map.pin(pin);
  using lab = labUp({ temporary: true });
  const { left } = lab.hosts;
  const attached = attachXdp(program, { device: 'veth0', netns: left.name, mode: 'native', pin: true });
  try {
    const link = bpftool('link', 'list') as { id: number; prog_id: number }[];
    const linkId = link.find(({ prog_id }) => prog_id === program.info().id)?.id;
    const own = `/sys/fs/bpf/xdpkit/netns-${left.netns.cookie}/${left.ifindex}/xdp-link`;
    const programId = program.info().id;
    assert.deepEqual(tree('map', id), [
      `+─ pin ${pin}`,
      `+─ program ${programId} (count_${unique}, xdp) uses it`,
      `│  +─ link ${linkId} (xdp) on veth0 in ${left.name}, xdp native`,
      `│  │  +─ pin ${own}`,
    ]);
    assert.match(tree('map', id, self).at(-1) ?? '', mine(map.fd));
    for (const reference of [`flows_${unique}`, pin]) assert.equal(findReferences('map', reference).object.id, id);
    // A path that leads to a link works for a link.
    assert.equal(findReferences('link', own).object.id, linkId);
    attached[Symbol.dispose]();
    loaded[Symbol.dispose]();
    const pinned = findReferences('map', pin);
    assert.deepEqual(steps('map', pin), [`rm ${pin}`, `rm ${own}`]);
    const count = pinned.roots.length;
    assert.equal(verdictOf(pinned), `map ${id} is freed when all ${count} of these are gone:`);
    const [seen] = [bpftool('-f', 'map', 'show', 'id', String(id))] as { pinned: string[] }[];
    assert.deepEqual(seen?.pinned, [pin]);
    rmSync(pin);
    assert.deepEqual(steps('map', String(id)), [`rm ${own}`]);
    detachXdp({ device: 'veth0', netns: left.name });
    await assertGone('map', id);
  } finally {
    rmSync(pin, { force: true });
  }
});

test('a leak: a process that holds a descriptor and nothing else', async () => {
  const { loaded, id, program } = load('plain');
  const child: ChildProcess = spawn('sleep', ['60'], { stdio: ['ignore', 'ignore', 'ignore', program.fd] });
  try {
    await once(child, 'spawn');
    loaded[Symbol.dispose]();
    assert.deepEqual(tree('program', id, child.pid), [`+─ process ${child.pid} (sleep), descriptor 3`]);
    assert.deepEqual(steps('program', String(id), child.pid), [
      `end process ${child.pid} (sleep), or have it close descriptor 3`,
    ]);
  } finally {
    child.kill();
    await once(child, 'exit');
  }
  await assertGone('program', id);
});

test('maps in maps, programs in maps, and what such maps let go of', () => {
  const { loaded, program, id } = load('plain');
  using _loaded = loaded;
  using inner = createPlainMap({ name: unique, type: 'array', keySize: 4, valueSize: 4, maxEntries: 1 });
  using outer = createPlainMap({ name: unique, type: 'hash_of_maps', keySize: 4, maxEntries: 4, inner });
  outer.setBytes(Uint8Array.of(7, 0, 0, 0), new Uint8Array(new Uint32Array([inner.fd]).buffer));
  assert.deepEqual(tree('map', inner.info().id), [`+─ map ${outer.info().id} (${unique}, hash_of_maps) has it at 7`]);
  outer.delete(7);
  assert.deepEqual(tree('map', inner.info().id), []);

  using table = createPlainMap({ name: unique, type: 'prog_array', keySize: 4, valueSize: 4, maxEntries: 3 });
  table.setBytes(Uint8Array.of(2, 0, 0, 0), new Uint8Array(new Uint32Array([program.fd]).buffer));
  const until = 'until its last pin and descriptor are gone';
  assert.deepEqual(tree('program', id), [`+─ map ${table.info().id} (${unique}, prog_array) has it at 2, ${until}`]);
  table.setBytes(Uint8Array.of(0, 0, 0, 0), new Uint8Array(new Uint32Array([program.fd]).buffer));
  assert.match(tree('program', id)[0] ?? '', /has it at 0, 2, until/);
  const pin = `/sys/fs/bpf/refs_table_${unique}`;
  table.pin(pin);
  assert.deepEqual(tree('program', id)[1], `│  +─ pin ${pin}`);
  rmSync(pin);
});

test('a program array is emptied with its last descriptor, although a program uses it', () => {
  const jumping = openText(`
SEC("?xdp") int target_${unique}(struct xdp_md *c) { return XDP_PASS; }
struct { __uint(type, BPF_MAP_TYPE_PROG_ARRAY); __uint(max_entries, 1); __uint(key_size, 4); __array(values, int(void *)); }
  table SEC(".maps") = { .values = { [0] = (void *)&target_${unique} } };
SEC("xdp") int jumps_${unique}(struct xdp_md *c) { bpf_tail_call(c, &table, 0); return XDP_DROP; }`);
  const pin = `/sys/fs/bpf/refs_jumps_${unique}`;
  const loaded = jumping.load();
  const tableId = loaded.map('table').info().id;
  const id = loaded.program(`target_${unique}`).info().id;
  loaded.program(`jumps_${unique}`).pin(pin);
  const held = openProgramById(id);
  try {
    const inTable = (line: string): boolean => line.includes(`map ${tableId} (table, prog_array) has it at 0`);
    assert.ok(tree('program', id).some(inTable));
    loaded[Symbol.dispose]();
    // The program uses the table still, which holds nothing any more.
    assert.match(tree('map', tableId)[0] ?? '', /jumps_.* uses it$/);
    assert.deepEqual(tree('program', id), []);
  } finally {
    held?.[Symbol.dispose]();
    rmSync(pin);
  }
});

test('a program bound to a map, and a map of devices whose program uses it: a circle', async () => {
  const { loaded, program, id } = load('out');
  const devices = createPlainMap({ name: unique, type: 'devmap_hash', keySize: 4, valueSize: 8, maxEntries: 1 });
  // prog_fd 0, map_fd 4
  mustBpf('prog_bind_map', new Attribute(12).u32(0, program.fd).u32(4, devices.fd), 'bind');
  const name = `out_${unique}`;
  const mapId = devices.info().id;
  assert.deepEqual(tree('map', mapId), [`+─ program ${id} (${name}, xdp) uses it`]);
  using lab = labUp({ temporary: true });
  const { left } = lab.hosts;
  const value = new Uint8Array(new Uint32Array([left.ifindex, program.fd]).buffer);
  left.netns.run(() => devices.setBytes(Uint8Array.of(5, 0, 0, 0), value));
  loaded[Symbol.dispose]();
  devices[Symbol.dispose]();
  const found = findReferences('map', String(mapId));
  assert.deepEqual(tree('map', mapId), [
    `+─ program ${id} (${name}, xdp) uses it`,
    `   +─ map ${mapId} (${unique}, devmap_hash) has it at 5 (above)`,
  ]);
  assert.equal(verdictOf(found), `only a circle of objects that hold each other keeps map ${mapId}; this breaks it:`);
  const [step] = steps('map', String(mapId));
  assert.match(step ?? '', new RegExp(`^xdpkit map delete ${mapId} 5 `));
  assert.deepEqual(steps('program', String(id)), [step]);
  const { exitCode } = await runWords(['map', 'delete', String(mapId), '5']);
  assert.equal(exitCode, 0);
  await assertGone('map', mapId);
});

test('an iterator over the entries of a map', async () => {
  using map = createPlainMap({ name: unique, type: 'hash', keySize: 4, valueSize: 4, maxEntries: 2 });
  const { id } = map.info();
  const pin = `/sys/fs/bpf/refs_iter_${unique}`;
  const file = join(tmpdir(), `refs-${unique}.o`);
  writeFileSync(file, compileText(`SEC("iter/bpf_map_elem") int iter_${unique}(void *c) { return 0; }`));
  try {
    tool('bpftool', 'iter', 'pin', file, pin, 'map', 'id', String(id));
    const { object: link } = findReferences('link', pin);
    assert.deepEqual(tree('map', id), [`+─ link ${link.id} (iter) reads it`, `│  +─ pin ${pin}`]);
    const [programId] = (bpftool('link', 'list') as { id: number; prog_id: number }[]).flatMap((each) =>
      each.id === link.id ? [each.prog_id] : [],
    );
    assert.ok(programId);
    assert.deepEqual(tree('program', programId)[0], `+─ link ${link.id} (iter) on map ${id}`);
    rmSync(pin);
    await assertGone('link', link.id);
  } finally {
    rmSync(pin, { force: true });
    rmSync(file, { force: true });
  }
  assert.deepEqual(tree('map', id), []);
});

/** prog_attach: target_fd or target_ifindex 0, attach_bpf_fd 4, attach_type 8. */
function attach(programFd: number, target: number, attachType: keyof typeof attachTypes): () => void {
  const attribute = () => new Attribute(32).u32(0, target).u32(4, programFd).u32(8, attachTypes[attachType]);
  mustBpf('prog_attach', attribute(), 'attach');
  return () => void mustBpf('prog_detach', attribute(), 'detach');
}

test('devices without links: XDP by netlink, a filter of tc, tcx', () => {
  using lab = labUp({ temporary: true });
  const { left } = lab.hosts;
  {
    const { loaded, program, id } = load('plain');
    using _loaded = loaded;
    const pin = `/sys/fs/bpf/refs_xdp_${unique}`;
    program.pin(pin);
    toolIn(left.name, 'ip', 'link', 'set', 'veth0', 'xdpgeneric', 'pinned', pin);
    rmSync(pin);
    assert.deepEqual(tree('program', id), [`+─ device veth0 in ${left.name}, xdp generic`]);
    const found = steps('program', String(id), self);
    assert.ok(found.includes(`xdpkit detach --dev veth0 --netns ${left.name}`), found.join('\n'));
    toolIn(left.name, 'ip', 'link', 'set', 'veth0', 'xdpgeneric', 'off');
    assert.deepEqual(tree('program', id), []);
  }
  const { loaded, program, id } = load('tc');
  using _loaded = loaded;
  const pin = `/sys/fs/bpf/refs_tc_${unique}`;
  program.pin(pin);
  toolIn(left.name, 'tc', 'qdisc', 'add', 'dev', 'veth0', 'clsact');
  toolIn(left.name, 'tc', 'filter', 'add', 'dev', 'veth0', 'egress', 'pref', '7', 'bpf', 'da', 'pinned', pin);
  rmSync(pin);
  assert.deepEqual(tree('program', id), [`+─ device veth0 in ${left.name}, tc egress, preference 7`]);
  toolIn(left.name, 'tc', 'qdisc', 'del', 'dev', 'veth0', 'clsact');
  assert.deepEqual(tree('program', id), []);
  const detach = left.netns.run(() => attach(program.fd, left.ifindex, 'tcx_ingress'));
  assert.deepEqual(tree('program', id), [`+─ device veth0 in ${left.name}, tcx_ingress`]);
  left.netns.run(detach);
  assert.deepEqual(tree('program', id), []);
});

test('a cgroup with and without a link, a map of sockets, a network namespace', () => {
  const folder = `/sys/fs/cgroup/unified/xdpkit-refs-${unique}`;
  mkdirSync(folder);
  const cgroup = openSync(folder, 'r');
  try {
    const { loaded, program, id } = load('cg');
    using _loaded = loaded;
    const detach = attach(program.fd, cgroup, 'cgroup_inet_egress');
    assert.deepEqual(tree('program', id), [`+─ cgroup ${folder}, cgroup_inet_egress`]);
    detach();
    assert.deepEqual(tree('program', id), []);
    // link_create: prog_fd 0, target_fd 4, attach_type 8
    const attribute = new Attribute(48).u32(0, program.fd).u32(4, cgroup).u32(8, attachTypes.cgroup_inet_egress);
    using link = new BpfLink(new FileDescriptor(mustBpf('link_create', attribute, 'attach'), 'link'));
    const { id: linkId } = link.info();
    assert.deepEqual(tree('program', id), [`+─ link ${linkId} (cgroup) on ${folder}, cgroup_inet_egress`]);
    assert.match(tree('link', linkId, self)[0] ?? '', mine(link.fd));
  } finally {
    closeSync(cgroup);
    rmdirSync(folder);
  }
  {
    const { loaded, program, id } = load('msg');
    using _loaded = loaded;
    using sockets = createPlainMap({ name: unique, type: 'sockmap', keySize: 4, valueSize: 4, maxEntries: 1 });
    const detach = attach(program.fd, sockets.fd, 'sk_msg_verdict');
    const until = 'until its last pin and descriptor are gone';
    assert.deepEqual(tree('program', id), [
      `+─ map ${sockets.info().id} (${unique}, sockmap) runs it as sk_msg_verdict, ${until}`,
    ]);
    detach();
    assert.deepEqual(tree('program', id), []);
  }
  using lab = labUp({ temporary: true });
  const { left } = lab.hosts;
  const { loaded, program, id } = load('flow');
  using _loaded = loaded;
  const detach = left.netns.run(() => attach(program.fd, 0, 'flow_dissector'));
  assert.deepEqual(tree('program', id), [`+─ network namespace ${left.name}, flow_dissector`]);
  left.netns.run(detach);
  assert.deepEqual(tree('program', id), []);
});

test('a raw tracepoint, and a perf event that is a tracepoint', () => {
  {
    const { loaded, program, id } = load('tp');
    using _loaded = loaded;
    // raw_tracepoint_open: name 0, prog_fd 8
    const opened = mustBpf('raw_tracepoint_open', new Attribute(16).path(0, 'xdp_exception').u32(8, program.fd), 'at');
    using link = new BpfLink(new FileDescriptor(opened, 'link'));
    const linkId = link.info().id;
    assert.deepEqual(tree('program', id), [`+─ link ${linkId} (raw_tracepoint) on tracepoint xdp_exception`]);
  }
  const { loaded, program, id } = load('probe');
  using _loaded = loaded;
  const readId = 'mount -t tracefs tracefs /mnt && cat /mnt/events/xdp/xdp_exception/id';
  const event = new Attribute(112)
    // struct perf_event_attr: type 0, size 4, config 8
    .u32(0, perfTracepoint)
    .u32(4, 112)
    .u64(8, BigInt(tool('unshare', '--mount', 'sh', '-c', readId).trim()));
  using fd = new FileDescriptor(mustCall('perf_event_open', 'open a tracepoint', [event.bytes, -1, 0, -1, 8]));
  const setProgram = 0x4004_2408;
  mustCall('ioctl', 'attach', [fd.number, setProgram, program.fd]);
  const [line = ''] = tree('program', id, self).filter((each) => each.includes('perf event'));
  assert.match(line, new RegExp(`^\\+─ process ${self} \\(.+\\), perf event, descriptor ${fd.number}$`));
  fd.close();
  assert.ok(!tree('program', id, self).join('').includes('perf event'));
});

test('a pin on a BPF file system that only another mount namespace has', async () => {
  const { loaded, id } = load('plain');
  using _loaded = loaded;
  const script = `mount -t bpf bpf /mnt && bpftool prog pin id ${id} /mnt/far && echo ready && exec sleep 60`;
  const child = spawn('unshare', ['--mount', 'sh', '-c', script], {
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    await once(child.stdout, 'data');
    assert.deepEqual(tree('program', id), [`+─ pin /proc/${child.pid}/root/mnt/far`]);
    const [root] = findReferences('program', String(id)).roots;
    assert.deepEqual(root?.by === 'pin' && root.mountNamespaceOf, child.pid);
  } finally {
    child.kill();
    await once(child, 'exit');
  }
  assert.deepEqual(tree('program', id), []);
});

test('what cannot be seen is said: a socket with a filter, a mapping of memory', () => {
  // AF_INET, SOCK_DGRAM; SOL_SOCKET, SO_ATTACH_BPF
  using socket = new FileDescriptor(mustCall('socket', 'open a socket', [2, 2, 0]));
  const { loaded, program, id } = load('filter');
  const word = new Uint8Array(new Uint32Array([program.fd]).buffer);
  mustCall('setsockopt', 'attach', [socket.number, 1, 50, word, word.length]);
  loaded[Symbol.dispose]();
  const found = findReferences('program', String(id));
  assert.deepEqual(tree('program', id), []);
  if (found.roots.length === 0) assert.equal(verdictOf(found), `program ${id}: nothing visible holds it`);
  assert.match(found.unseen.join('\n'), /^a socket whose filter it is/);

  const memoryMappable = 1 << 10;
  const map = createPlainMap({
    name: unique,
    type: 'array',
    keySize: 4,
    valueSize: 8,
    maxEntries: 1,
    flags: memoryMappable,
  });
  const mapId = map.info().id;
  using memory = new MemoryMap(map.fd, 4096, 'read-write', 'a map');
  map[Symbol.dispose]();
  assert.deepEqual(tree('map', mapId), []);
  assert.match(
    findReferences('map', String(mapId)).unseen.join('\n'),
    new RegExp(`^a memory mapping.*process.* ${self} `),
  );
  assert.equal(memory.bytes.length, 4096);
});
