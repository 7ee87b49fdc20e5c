import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { labUp } from '../lab/lab-up.js';
import { openText } from '../object/compile-text.test.support.js';
import { toolIn } from '../xdp/real.test.support.js';
import { runPacket } from '../xdp/run-packet.js';
import { waitForEvents } from './event-reader.js';
import { openMapById } from './map-create.js';
import { openEvents, openRingBuffer } from './open-events.js';
import { consumeByLibbpf } from './ring.test.support.js';
import { RingBuffer } from './ring-buffer.js';

interface Event {
  readonly sequence: bigint;
  readonly cpu: number;
  readonly length: number;
  readonly data: Uint8Array;
}

const source = `
struct event { __u64 sequence; __u32 cpu; __u32 length; unsigned char data[48]; };
struct other { __u32 number; };
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); __type(value, struct event); } events SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); } bytes SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, __u32); __type(value, struct other); }
	plain SEC(".maps");
struct scratch { char bytes[2048]; };
struct { __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY); __uint(max_entries, 1); __type(key, __u32); __type(value, struct scratch); }
	scratch SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY); __uint(max_entries, 2); __type(key, __u32); __type(value, __u64); }
	counts SEC(".maps");

SEC("xdp") int emit(struct xdp_md *ctx)
{
	__u32 first = 0, second = 1;
	__u64 *written = bpf_map_lookup_elem(&counts, &first), *refused = bpf_map_lookup_elem(&counts, &second);
	struct event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	if (!written || !refused) { if (event) bpf_ringbuf_discard(event, 0); return XDP_DROP; }
	if (!event) { *refused += 1; return XDP_ABORTED; }
	event->sequence = *written;
	*written += 1;
	event->cpu = bpf_get_smp_processor_id();
	event->length = end - data;
	__builtin_memset(event->data, 0, sizeof(event->data));
	if (data + 14 <= end) __builtin_memcpy(event->data, data, 14);
	bpf_ringbuf_submit(event, 0);
	return XDP_PASS;
}

/* The packet is the record; one that begins with an odd byte is reserved and discarded. */
SEC("xdp") int echo(struct xdp_md *ctx)
{
	__u32 key = 0;
	__u64 length = (void *)(long)ctx->data_end - (void *)(long)ctx->data;
	struct scratch *buffer = bpf_map_lookup_elem(&scratch, &key);
	if (!buffer || length < 14 || length > 2000 || bpf_xdp_load_bytes(ctx, 0, buffer->bytes, length)) return XDP_DROP;
	if (buffer->bytes[0] & 1) {
		void *room = bpf_ringbuf_reserve(&bytes, 100, 0);
		if (!room) return XDP_ABORTED;
		bpf_ringbuf_discard(room, 0);
		return XDP_TX;
	}
	return bpf_ringbuf_output(&bytes, buffer->bytes, length, 0) ? XDP_ABORTED : XDP_PASS;
}
`;
const opened = openText(source);
const packet = Uint8Array.from({ length: 60 }, (_, index) => index);
const run = promisify(execFile);

function code(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    return `${(error as { code: string }).code}: ${(error as Error).message}`;
  }
  return assert.fail('nothing was refused');
}

test('events are decoded by the type that the map names, in order, and what was full is not lost sight of', () => {
  using object = opened.load();
  using ring = object.ringBuffer<Event>('events');
  const { returned } = runPacket(object.program('emit'), { packet, repeat: 100 });
  const events = ring.read();
  // 72 bytes a record; the kernel keeps the positions less than a ring apart.
  assert.equal(events.length, 56);
  assert.equal(returned, 0);
  assert.deepEqual(
    events.map(({ sequence }) => Number(sequence)),
    events.map((_, index) => index),
  );
  assert.deepEqual(events[3]?.data.slice(0, 15), Uint8Array.from([...packet.slice(0, 14), 0]));
  assert.equal(events[3]?.length, 60);
  const sums = [...object.map<number, { sum(): bigint } & readonly bigint[]>('counts')].map(([, each]) => each.sum());
  assert.deepEqual(sums, [56n, 44n]);
  assert.deepEqual(ring.statistics, { records: 56, bytes: 56 * 64, discarded: 0, lost: 0 });
  assert.equal(ring.pendingBytes, 0);
});

test('any sequence of lengths, discards and drains comes out as it went in, round the ring', () => {
  using object = opened.load();
  const program = object.program('echo');
  using ring = object.ringBuffer<Uint8Array>('bytes');
  const expected: Uint8Array[] = [];
  let [written, discarded, wrapped] = [0, 0, 0];
  const emit = fc.record({ length: fc.integer({ min: 14, max: 1400 }), first: fc.nat(255) });
  const step = fc.oneof({ weight: 3, arbitrary: emit }, { weight: 1, arbitrary: fc.record({ limit: fc.nat(6) }) });
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 40 }), (steps) => {
      for (const each of steps) {
        if ('limit' in each) {
          const before = expected.length;
          const got: Uint8Array[] = [];
          const drained = ring.drain((view, offset, length) => {
            if (offset + length > ring.size) wrapped += 1;
            got.push(new Uint8Array(view.buffer, view.byteOffset + offset, length).slice());
          }, each.limit);
          assert.equal(drained, Math.min(before, each.limit));
          assert.deepEqual(got, expected.splice(0, drained));
          continue;
        }
        const bytes = Uint8Array.from({ length: each.length }, (_, index) => (index + each.first) & 255);
        const { returned } = runPacket(program, { packet: bytes });
        if (returned === 2) expected.push(bytes);
        written += returned === 2 ? 1 : 0;
        discarded += returned === 3 ? 1 : 0;
        // Nothing but want of room is a reason to refuse.
        if (returned === 0) assert.ok(ring.pendingBytes + each.length + 16 >= ring.size || each.first % 2 === 1);
      }
    }),
    { numRuns: 100 },
  );
  assert.deepEqual(ring.read(), expected);
  assert.deepEqual([ring.statistics.records, ring.statistics.discarded], [written, discarded]);
  assert.ok(wrapped > 10, `only ${wrapped} records wrapped`);
});

test('two CPUs write at once, and every event of each comes once and in order', async () => {
  using object = opened.load();
  using ring = object.ringBuffer<Event>('events');
  const { id } = object.program('emit').info();
  const next = new Map<number, bigint>();
  let rounds = 0;
  // Where the reader is kept from its processor, the ring can be full for all that one of the two writes.
  while (next.size < 2 && rounds < 20) {
    rounds += 1;
    let running = true;
    const done = Promise.all([0, 1].map((cpu) => emitOn(cpu, id))).finally(() => {
      running = false;
    });
    while (running || ring.pendingBytes > 0) {
      await ring.wait({ milliseconds: 20 });
      for (const { cpu, sequence } of ring.read()) {
        assert.equal(sequence, next.get(cpu) ?? 0n);
        next.set(cpu, sequence + 1n);
      }
    }
    await done;
  }
  const counts = [...object.map<number, { sum(): bigint } & readonly bigint[]>('counts')].map(([, each]) => each);
  assert.deepEqual([...next.keys()].sort(), [0, 1]);
  assert.deepEqual([next.get(0), next.get(1)], [counts[0]?.[0], counts[0]?.[1]]);
  assert.equal((counts[0]?.sum() ?? 0n) + (counts[1]?.sum() ?? 0n), 120_000n * BigInt(rounds));
});

/** Runs the program 60,000 times on a processor, from a process of its own. */
async function emitOn(cpu: number, id: number): Promise<void> {
  const words = ['prog', 'run', 'id', String(id), 'repeat', '60000', 'data_in', '-'];
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
  const writer = run('taskset', ['-c', String(cpu), 'bpftool', ...words], { env });
  writer.child.stdin?.end(packet);
  await writer;
}

test('libbpf reads the same bytes, and goes on where this reader stopped', () => {
  using object = opened.load();
  const program = object.program('echo');
  const map = object.map('bytes');
  const packets = Array.from({ length: 20 }, (_, index) => packet.map((byte) => (byte * 2 + index * 2) & 0xfe));
  const emit = () => {
    for (const each of packets) runPacket(program, { packet: each });
  };
  emit();
  assert.deepEqual(consumeByLibbpf(map.fd), packets);
  emit();
  {
    using ring = openRingBuffer<Uint8Array>(map as never);
    assert.deepEqual(ring.read(7), packets.slice(0, 7));
  }
  assert.deepEqual(consumeByLibbpf(map.fd), packets.slice(7));
});

test('real packets: each is an event, or was counted as refused where the ring was full', async () => {
  using lab = labUp({ temporary: true });
  const { left, right } = lab.hosts;
  using object = opened.load();
  using ring = object.ringBuffer<Event>('events');
  const link = object.program('emit').attachXdp({ device: left.device, netns: left.name, mode: 'native' });
  const ping = (count: number) =>
    toolIn(right.name, 'ping', '-c', String(count), '-i', '0.002', '-s', '56', '-W', '1', '-q', '10.11.1.1');
  const protocols = new Map<number, number>();
  const count = (events: readonly Event[]) => {
    for (const { data, length } of events) {
      const type = ((data[12] ?? 0) << 8) | (data[13] ?? 0);
      if (type === 0x0800) assert.equal(length, 98);
      protocols.set(type, (protocols.get(type) ?? 0) + 1);
    }
  };
  const pinging = run('ip', ['netns', 'exec', right.name, 'ping', '-c', '200', '-i', '0.002', '-q', '10.11.1.1']);
  for (let seen = 0; seen < 200; ) {
    assert.equal(await ring.wait({ milliseconds: 5000 }), true);
    count(ring.read());
    seen = protocols.get(0x0800) ?? 0;
  }
  await pinging;
  count(ring.read());
  assert.equal(protocols.get(0x0800), 200);
  // 200 echo requests again, and nobody reads: those that find no room are dropped.
  ping(200);
  link[Symbol.dispose]();
  count(ring.read());
  const [written, refused] = [...object.map<number, { sum(): bigint }>('counts')].map(([, each]) => Number(each.sum()));
  assert.equal(ring.statistics.records, written);
  assert.ok(refused !== undefined && refused >= 140, `${refused}`);
});

test('waiting lets the event loop go on, and ends by an event, a time, a signal and by closing', async () => {
  using object = opened.load();
  using ring = object.ringBuffer<Event>('events');
  using other = object.ringBuffer<Uint8Array>('bytes');
  assert.equal(await ring.wait({ milliseconds: 5 }), false);
  const abort = new AbortController();
  setTimeout(() => abort.abort(), 5);
  assert.equal(await ring.wait({ signal: abort.signal }), false);
  assert.equal(await ring.wait({ signal: abort.signal }), false);
  // More waits than Node's pool has threads, and a file that is read meanwhile.
  const waits = Array.from({ length: 12 }, () => ring.wait());
  assert.match((await run('true')).stdout, /^$/);
  runPacket(object.program('emit'), { packet });
  assert.deepEqual(
    await Promise.all(waits),
    waits.map(() => true),
  );
  assert.equal(ring.read().length, 1);
  const either = waitForEvents([ring, other]);
  runPacket(object.program('echo'), { packet });
  assert.equal(await either, true);
  const closed = ring.wait();
  ring[Symbol.dispose]();
  assert.equal(await closed, false);
  assert.match(
    code(() => ring.drain(() => {})),
    /^CLOSED: /,
  );
  assert.match(
    code(() => ring.pendingBytes),
    /^CLOSED: /,
  );
});

test('iteration gives batches until the reader is closed', async () => {
  using object = opened.load();
  const ring = object.ringBuffer<Event>('events');
  const timer = setInterval(() => runPacket(object.program('emit'), { packet, repeat: 10 }), 5);
  let seen = 0;
  for await (const events of ring) {
    seen += events.length;
    if (seen < 100) continue;
    clearInterval(timer);
    ring[Symbol.dispose]();
  }
  assert.ok(seen >= 100);
});

test('a visitor may close the reader or throw: what it was given stays readable, and counts as read', () => {
  using object = opened.load();
  const map = object.map('bytes') as never;
  for (let index = 0; index < 3; index += 1) runPacket(object.program('echo'), { packet });
  const throwing = openRingBuffer<Uint8Array>(map);
  assert.throws(() => throwing.drain(() => assert.fail('enough')), /enough/);
  throwing[Symbol.dispose]();
  const ring = openRingBuffer<Uint8Array>(map);
  let kept: Uint8Array | undefined;
  const drained = ring.drain((view, offset, length) => {
    ring[Symbol.dispose]();
    kept = new Uint8Array(view.buffer, view.byteOffset + offset, length);
    assert.deepEqual(kept.slice(), packet);
  });
  assert.equal(drained, 1);
  // The memory is gone, a view that was kept shows zeroes and does no harm.
  assert.deepEqual(kept?.slice(), new Uint8Array(packet.length));
  using rest = new RingBuffer(map);
  assert.match(
    code(() => rest.drain(() => rest.drain(() => {}))),
    /^USAGE: .* from within a visit/,
  );
});

test('a type may be named, also for a map that is opened by its id; what does not fit is refused', () => {
  using object = opened.load();
  const { id } = object.map('events').info();
  using map = openMapById<never, never>(id);
  assert.ok(map);
  using ring = openEvents<Event>(map, { type: 'struct event' });
  runPacket(object.program('emit'), { packet });
  assert.equal(ring.read()[0]?.length, 60);
  assert.match(
    code(() => openEvents(map, { type: 'nothing' })),
    /^USAGE: records of map "events" as nothing: .* no such/,
  );
  assert.match(
    code(() => object.ringBuffer('plain')),
    /^USAGE: map "plain" is of type array, not ringbuf$/,
  );
  assert.match(
    code(() => object.perfBuffer('events')),
    /^USAGE: map "events" is of type ringbuf, not perf_event_array$/,
  );
  assert.match(
    code(() => openEvents(object.map('plain') as never)),
    /^USAGE: map "plain" is of type array, which/,
  );
  using short = object.ringBuffer('bytes', { type: 'event' });
  runPacket(object.program('echo'), { packet: packet.slice(0, 14) });
  assert.match(
    code(() => short.read()),
    /^VALUE_SHAPE: a record of map "bytes" has 14 bytes, .* takes 64$/,
  );
});
