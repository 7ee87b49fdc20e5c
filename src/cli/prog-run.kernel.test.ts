/** `xdpkit prog run`, against what bpftool makes of the same packets. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Attribute, mustBpf } from '../kernel/bpf.js';
import { bpftool, leftInKernel } from '../kernel/kernel-state.test.support.js';
import { labUp } from '../lab/lab-up.js';
import { FileDescriptor } from '../linux/file-descriptor.js';
import { openObject } from '../loader/open.js';
import { compileText } from '../object/compile-text.test.support.js';
import { buildPacket } from '../packet/build.js';
import { describePacket } from '../packet/describe.js';
import { writePcapng } from '../packet/pcapng-write.js';
import { folder, json, name, object, pinPath, refusal, text } from './prog.test.support.js';
import { runWords } from './run-words.test.support.js';

const changing = `
static __attribute__((noinline)) void mark(void *at, void *end, int value) { if (at + 1 <= end) *(__u8 *)at = value; }
#define DATA ((void *)(long)context->data)
#define END ((void *)(long)context->data_end)
#define META ((void *)(long)context->data_meta)
SEC("xdp") int push(struct xdp_md *context) {
  if (bpf_xdp_adjust_head(context, -4)) return XDP_ABORTED;
  __u8 *data = DATA;
  if (data + 4 > (__u8 *)END) return XDP_DROP;
  data[0] = 0xa0; data[1] = 0xa1; data[2] = 0xa2; data[3] = 0xa3;
  return XDP_TX;
}
SEC("xdp") int pop(struct xdp_md *context) { return bpf_xdp_adjust_head(context, 4) ? XDP_ABORTED : XDP_REDIRECT; }
SEC("xdp") int cut(struct xdp_md *context) { return bpf_xdp_adjust_tail(context, -6) ? XDP_ABORTED : XDP_PASS; }
SEC("xdp") int grow(struct xdp_md *context) { return bpf_xdp_adjust_tail(context, 6) ? XDP_ABORTED : XDP_PASS; }
SEC("xdp") int meta(struct xdp_md *context) {
  if (bpf_xdp_adjust_meta(context, -4)) return XDP_ABORTED;
  __u32 *meta = META;
  if ((void *)(meta + 1) > DATA) return XDP_DROP;
  *meta = 0x04030201;
  return XDP_PASS;
}
SEC("xdp") int place(struct xdp_md *context) {
  __u8 *meta = META;
  if (meta + 4 <= (__u8 *)DATA) return meta[0];
  return context->ingress_ifindex > 1 ? 100 + context->rx_queue_index : 77;
}
SEC("tc") int shot(struct __sk_buff *skb) { skb->priority = 9; return skb->mark == 5 ? 2 : 0; }
SEC("xdp") int route(struct xdp_md *context) {
  __u8 *data = DATA;
  if (data + 34 > (__u8 *)END || data[22] <= 1) return XDP_DROP;
  data[22] -= 1;
  return XDP_TX;
}
SEC("xdp") int admitted(struct xdp_md *context) { return XDP_PASS; }
SEC("cgroup_skb/ingress") int admit(struct __sk_buff *skb) { return skb->len > 60; }
SEC("socket") int keep(struct __sk_buff *skb) { return 4; }
SEC("syscall") int sum(struct { __u32 one, other; __u64 all; } *context) { context->all = context->one + context->other; return 3; }
SEC("raw_tracepoint/x") int traced(struct bpf_raw_tracepoint_args *context) { return context->args[0]; }
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __type(key, __u32); __type(value, __u64); __uint(max_entries, 1); } seen SEC(".maps");
SEC("xdp") int counted(struct xdp_md *context) {
  __u32 key = 0;
  __u64 *value = bpf_map_lookup_elem(&seen, &key);
  if (value) __sync_fetch_and_add(value, 1);
  return XDP_DROP;
}
`;
const changingObject = join(folder, 'changing.bpf.o');
writeFileSync(changingObject, compileText(changing));
const packet = Uint8Array.from({ length: 64 }, (_, index) => index);
const hex = Buffer.from(packet).toString('hex');

async function run(prog: string, ...more: string[]) {
  const { runs } = await json('prog', 'run', changingObject, '--prog', prog, '--packet', hex, ...more);
  assert.equal(runs.length, 1);
  return runs[0];
}

test('run tells verdict and changed bytes as bpftool has them', async () => {
  for (const prog of ['push', 'pop', 'cut', 'grow']) {
    using pin = pinPath();
    await json('prog', 'load', changingObject, '--prog', prog, '--pin', pin.path);
    const input = join(folder, 'packet.bin');
    const output = join(folder, 'out.bin');
    writeFileSync(input, packet);
    const witness = bpftool('prog', 'run', 'pinned', pin.path, 'data_in', input, 'data_out', output) as {
      retval: number;
    };
    const ours = await run(prog);
    assert.equal(ours.returned, witness.retval, prog);
    assert.equal(ours.packet, readFileSync(output).toString('hex'), prog);
    assert.ok(ours.nanoseconds > 0);
    const [ofPin] = (await json('prog', 'run', pin.path, '--packet', `@${input}`)).runs;
    assert.equal(ofPin.packet, ours.packet, 'a pinned program, with a packet from a file');
  }
});

test('run finds where a packet grew and shrank', async () => {
  const { difference, verdict } = await run('push');
  const pushed = { offset: 0, before: '', after: 'a0a1a2a3' };
  assert.deepEqual([verdict, difference], ['TX', { front: 4, end: 0, changes: [pushed] }]);
  assert.deepEqual((await run('pop')).difference, { front: -4, end: 0, changes: [] });
  assert.deepEqual((await run('cut')).difference, { front: 0, end: -6, changes: [] });
  const grown = { offset: 64, before: '', after: '000000000000' };
  assert.deepEqual((await run('grow')).difference, { front: 0, end: 6, changes: [grown] });
  const { packet: twice } = await run('pop', '--repeat', '2');
  assert.equal(twice, hex.slice(16), 'each run begins with what the one before left');
});

test('metadata, device and queue reach a program, and its metadata comes back', async () => {
  using lab = labUp({ temporary: true });
  const on = ['--dev', 'veth0', '--netns', lab.hosts.left.name];
  const { metadata, packet: same, verdict } = await run('meta');
  assert.deepEqual([metadata, same, verdict], ['01020304', hex, 'PASS']);
  assert.equal((await run('place')).returned, 77);
  assert.equal((await run('place', ...on)).returned, 100);
  assert.equal((await run('place', '--metadata', '01:00:00:00')).verdict, 'DROP');
  const fails = (...more: string[]) =>
    refusal('prog', 'run', changingObject, '--prog', 'place', '--packet', hex, ...more);
  assert.match((await fails(...on, '--queue', '900')).stderr, /has no receive queue 900/);
  assert.match((await fails('--queue', '1')).stderr, /a receive queue is one of a device/);
  assert.match((await fails('--metadata', '010203')).stderr, /3 bytes of metadata: it takes a multiple of 4/);
  assert.match((await fails('--dev', 'nothing')).stderr, /nothing/);
  assert.match((await fails('--repeat', '0')).stderr, /repeat: '0' is no count/);
});

test('run for people, on packets of a file that tcpdump wrote', async () => {
  const head = [0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 1, 0, 0, 0];
  const frame = [0, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0, 0, 64, 0, 0, 0, ...packet];
  const [made, file] = [join(folder, 'made.pcap'), join(folder, 'packets.pcap')];
  writeFileSync(made, Uint8Array.from([...head, ...frame, ...frame]));
  execFileSync('tcpdump', ['-r', made, '-w', file], { stdio: 'ignore' });
  const printed = await text('prog', 'run', changingObject, '--prog', 'push', '--packet', `@${file}`);
  const one = [
    'verdict  TX',
    'time     T',
    'length   64 → 68 bytes: 4 more at the front',
    'changed  4 bytes',
    '  eth dst: 00:01:02:03:04:05 → a0:a1:a2:a3:00:01',
    '  eth src: 06:07:08:09:0a:0b → 02:03:04:05:06:07',
    '  eth type: 0xc0d → 0x809',
    '  data 0x0e0f101112131415161718191a1b1c1d… → data 0x0a0b0c0d0e0f10111213141516171819…',
    '  - 0000              00 01 02 03 04 05 06 07 08 09 0a 0b',
    '  + 0000  a0 a1 a2 a3 00 01 02 03 04 05 06 07 08 09 0a 0b',
  ];
  assert.deepEqual(printed.replace(/^time .*$/gm, 'time     T').split('\n'), [
    ...['packet 1, 64 bytes', ...one, ''],
    ...['packet 2, 64 bytes', ...one, ''],
  ]);
  const place = await text('prog', 'run', changingObject, '--prog', 'place', '--packet', hex, '--data-out');
  assert.match(place, /^verdict {2}77, no verdict of XDP: the kernel takes it for ABORTED$/m);
  assert.match(place, /^changed {2}nothing\npacket {3}eth dst .*\n {2}0000 {2}00 01 .* 0f\n/m);
  assert.match(await text('prog', 'run', changingObject, '--prog', 'shot', '--packet', hex), /^verdict {2}OK \(0\)$/m);
});

test('runs are counted while the kernel keeps statistics', async () => {
  using pin = pinPath();
  const { program } = await json('prog', 'load', changingObject, '--prog', 'cut', '--pin', pin.path);
  // type 0: run time. They are kept for as long as the descriptor is open.
  using _statistics = new FileDescriptor(mustBpf('enable_stats', new Attribute(4), 'keep statistics'));
  await json('prog', 'run', pin.path, '--packet', hex, '--repeat', '5');
  const { runs } = await json('prog', 'show', pin.path);
  const seen = bpftool('prog', 'show', 'id', String(program.id)) as { run_cnt: number; run_time_ns: number };
  assert.deepEqual(runs, { count: seen.run_cnt, nanoseconds: seen.run_time_ns });
  assert.equal(runs.count, 5);
  assert.match(await text('prog', 'show', pin.path), /^runs +5, .* each, counted while/m);
});

test('a run from an object leaves nothing, and says what it cannot do', async () => {
  const ran = await json('prog', 'run', object, '--packet', hex);
  assert.equal(ran.runs[0].verdict, 'PASS');
  assert.deepEqual(leftInKernel(name.slice(0, 15)), []);
  assert.match((await refusal('prog', 'run', object, '--packet', '012')).stderr, /'012' is no packet in hexadecimal/);
  assert.match((await refusal('prog', 'run', object, '--packet', '0102')).stderr, /14 bytes at least/);
  assert.match((await refusal('prog', 'run', object, '--packet', '@/nothing')).stderr, /read packets from \/nothing/);
  assert.match((await refusal('prog', 'run', '/nothing.o', '--packet', hex)).stderr, /there is no such file/);
  assert.match((await refusal('prog', 'run', '1', '--prog', 'x', '--packet', hex)).stderr, /about an object file/);
  assert.match(
    (await refusal('prog', 'run', object, '--packet', 'ip dts 1.2.3.4')).stderr,
    /ip has version, .*src, dst/,
  );
  const shot = ['prog', 'run', changingObject, '--prog', 'shot', '--packet', hex];
  assert.match((await refusal(...shot, '--metadata', '01020304')).stderr, /of type sched_cls, not xdp/);
});

test('packets in words, several at once, and what was expected of them', async () => {
  const words = ['--packet', 'ip ttl 9/udp/data "x"', '--packet', 'ip ttl 1/udp'];
  const routed = ['prog', 'run', changingObject, '--prog', 'route', ...words];
  const { runs } = await json(...routed);
  assert.deepEqual(
    runs.map(({ verdict }: { verdict: string }) => verdict),
    ['TX', 'DROP'],
  );
  // The program leaves the checksum as it was, which is wrong by then.
  assert.deepEqual(runs[0].fields, [{ layer: 'ip', field: 'ttl', before: '9', after: '8' }]);
  assert.match(runs[0].text, /ttl 8 sum 0x[0-9a-f]{4} src 192\.0\.2\.1 .*\/data "x"$/);
  const unexpected = await runWords([...routed, '--expect', 'tx']);
  assert.equal(unexpected.exitCode, 7);
  assert.match(unexpected.stdout, /TX {2}as expected[\s\S]*ip ttl: 9 → 8[\s\S]*DROP {2}not as expected/);
  assert.equal((await runWords([...routed.slice(0, -2), '--expect', '3'])).exitCode, 0);
  assert.match(
    (await refusal(...routed, '--expect', 'SHOT')).stderr,
    /cannot return "SHOT"\nhint: Names are ABORTED, /,
  );
});

test('packets of a pcapng file, as tcpdump reads it too', async () => {
  const file = join(folder, 'words.pcapng');
  const packets = ['ip ttl 2/udp', 'ip ttl 1/udp'].map((words) => ({ data: buildPacket(words) }));
  writeFileSync(file, writePcapng({ interfaces: [{}], packets }));
  const { runs } = await json('prog', 'run', changingObject, '--prog', 'route', '--packet', `@${file}`);
  assert.deepEqual(
    runs.map(({ verdict }: { verdict: string }) => verdict),
    ['TX', 'DROP'],
  );
  writeFileSync(file, writePcapng({ interfaces: [{ linkType: 113 }], packets }));
  const other = await refusal('prog', 'run', changingObject, '--prog', 'route', '--packet', `@${file}`);
  assert.match(other.stderr, /packets of link type 113/);
});

test('other types of programs, with their contexts and names', async () => {
  const any = ['--packet', 'udp'];
  const of = async (prog: string, ...more: string[]) =>
    (await json('prog', 'run', changingObject, '--prog', prog, ...more)).runs[0];
  const plain = await of('shot', ...any);
  assert.deepEqual([plain.returned, plain.verdict], [0, 'OK']);
  const marked = await of('shot', ...any, '--context', 'mark=5');
  assert.deepEqual([marked.returned, marked.verdict], [2, 'SHOT']);
  assert.equal(Buffer.from(marked.context, 'hex').readUInt32LE(8), 5, 'the mark');
  assert.equal(Buffer.from(marked.context, 'hex').readUInt32LE(32), 9, 'the priority that the program set');
  assert.equal((await of('admit', ...any)).verdict, 'DROP');
  assert.equal((await of('admit', '--packet', 'udp/zeros 100')).verdict, 'PASS');
  assert.deepEqual(await of('keep', ...any).then(({ returned, verdict }) => [returned, verdict]), [4, null]);
  const sum = await of('sum', '--context', '0x02000000050000000000000000000000');
  assert.deepEqual([sum.returned, sum.context], [3, '02000000050000000700000000000000']);
  assert.equal((await of('traced', '--context', `2a${'00'.repeat(7)}`)).returned, 42);
  const shot = ['prog', 'run', changingObject, '--prog', 'shot', ...any];
  assert.match(
    (await refusal(...shot, '--context', 'marc=5')).stderr,
    /__sk_buff has no number "marc"\nhint: It has len, /,
  );
});

test('the time of a program that changes its packet is told for what it is', async () => {
  const repeated = [changingObject, '--prog', 'route', '--packet', 'ip ttl 64/udp', '--repeat', '20'];
  const blurred = await runWords(['prog', 'run', ...repeated]);
  assert.match(blurred.stderr, /changes its packet, .*the verdict is that of the last run, .*--fresh measures/);
  const { runs } = await json('prog', 'run', ...repeated);
  assert.deepEqual(runs[0].timing, { method: 'repeat', rounds: 20, changing: true });
  assert.equal(runs[0].fields[0].after, '44', 'twenty times one less');
  const fresh = await runWords(['prog', 'run', ...repeated, '--fresh']);
  assert.match(fresh.stdout, /^time .* the median of 19 fresh packets, less \d+ ns of measuring$/m);
  assert.match(fresh.stdout, /ip ttl: 64 → 63/);
  assert.equal(fresh.stderr, '');
  const still = await runWords([
    'prog',
    'run',
    changingObject,
    '--prog',
    'counted',
    '--packet',
    'udp',
    '--repeat',
    '20',
  ]);
  assert.equal(still.stderr, '', 'nothing is said of one that changes nothing');
});

test('live frames go where verdicts send them', async () => {
  using lab = labUp({ temporary: true });
  using pin = pinPath();
  await json('prog', 'load', changingObject, '--prog', 'counted', '--pin', pin.path);
  const live = ['prog', 'run', pin.path, '--packet', 'udp', '--live', '--repeat', '500', '--batch', '32'];
  const ran = await json(...live, '--dev', 'veth0', '--netns', lab.hosts.left.name);
  assert.deepEqual([ran.device, ran.live[0].frames, ran.live[0].nanoseconds > 0], ['veth0', 500, true]);
  const { mapIds } = await json('prog', 'show', pin.path);
  const { entries } = await json('map', 'dump', String(mapIds[0]));
  assert.equal(BigInt(entries[0].value), 500n, 'as many as the program has counted');
  assert.match((await refusal(...live)).stderr, /--live needs the device/);
  const wide = [...live, '--dev', 'veth0', '--netns', lab.hosts.left.name, '--batch', '300'];
  assert.notEqual((await refusal(...wide)).exitCode, 0);
});

test('live frames that pass are answered by the stack', async () => {
  using lab = labUp({ temporary: true });
  const { left } = lab.hosts;
  const inLeft = (...words: string[]) =>
    execFileSync('ip', ['netns', 'exec', left.name, ...words], { encoding: 'utf8' });
  const echoes = (): number => {
    const [names = [], values = []] = inLeft('cat', '/proc/net/snmp')
      .split('\n')
      .filter((line) => line.startsWith('Icmp:'))
      .map((line) => line.split(' '));
    return Number(values[names.indexOf('InEchos')]);
  };
  const [{ address }] = JSON.parse(inLeft('ip', '-j', 'link', 'show', 'veth0'));
  const packet = `eth dst ${address}/ip src 10.11.1.2 dst 10.11.1.1/icmp id 7 seq 1/zeros 32`;
  const live = ['--live', '--repeat', '100', '--dev', 'veth0', '--netns', left.name];
  const before = echoes();
  await json('prog', 'run', changingObject, '--prog', 'admitted', '--packet', packet, ...live);
  assert.equal(echoes() - before, 100);
  await json('prog', 'run', changingObject, '--prog', 'counted', '--packet', packet, ...live);
  assert.equal(echoes() - before, 100, 'those that are dropped are not');
});

test('a test of a program in a few lines', async () => {
  using loaded = (await openObject(changingObject)).load();
  const route = loaded.program('route');
  const { verdict, packet: after } = route.run('ip ttl 9/udp');
  assert.equal(verdict, 'TX');
  assert.match(describePacket(after).text, /ttl 8 /);
  assert.equal(route.run(buildPacket('ip ttl 1/udp')).verdict, 'DROP');
});
