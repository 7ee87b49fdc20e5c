import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { openText } from '../object/compile-text.test.support.js';
import { runPacket } from '../xdp/run-packet.js';
import { openEvents } from './open-events.js';

interface Event {
  readonly number: number;
  readonly length: number;
}

const opened = openText(`
struct event { __u32 number; __u32 length; };
struct { __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY); __type(key, __u32); __type(value, __u32); } events SEC(".maps");
__u64 written, refused;
struct event kept;

/* The event, and behind it the packet. */
SEC("xdp") int emit(struct xdp_md *ctx)
{
	__u64 length = (void *)(long)ctx->data_end - (void *)(long)ctx->data;
	struct event event = { .number = written, .length = length };
	if (bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU | length << 32, &event, sizeof(event))) {
		refused++;
		return XDP_ABORTED;
	}
	written++;
	return XDP_PASS;
}
`);
const packetOf = (length: number, seed: number) =>
  Uint8Array.from({ length }, (_, index) => (index * 7 + seed * 13) & 255);

test('records come whole and in order, those that wrap too', () => {
  using object = opened.load();
  const program = object.program('emit');
  using events = object.perfBuffer<Event>('events', { type: 'event', pages: 1 });
  let [seen, wrapped] = [0, 0];
  for (let round = 0; round < 60; round += 1) {
    const packets = [0, 1, 2].map((index) => packetOf(14 + ((round * 131 + index * 37) % 900), round + index));
    for (const packet of packets) assert.equal(runPacket(program, { packet }).returned, 2);
    events.drain((view, offset, length, cpu) => {
      const packet = packets[seen % 3] ?? new Uint8Array();
      assert.deepEqual(events.decode(view, offset, length), { number: seen, length: packet.length });
      assert.ok(length >= packet.length + 8 && length < packet.length + 16, `${length} bytes`);
      assert.deepEqual(new Uint8Array(view.buffer, view.byteOffset + offset + 8, packet.length).slice(), packet);
      assert.ok(cpu !== undefined && cpu >= 0);
      if (view.byteLength !== 4096) wrapped += 1;
      seen += 1;
    });
    assert.equal(seen, (round + 1) * 3);
  }
  assert.ok(wrapped > 5, `only ${wrapped} records wrapped`);
  assert.equal(events.statistics.records, 180);
});

test('what found no room is counted as lost, by the kernel and by the program alike', async () => {
  using object = opened.load();
  const program = object.program('emit');
  using events = object.perfBuffer<Event>('events', { type: 'event', pages: 1 });
  // A CPU's losses are told with its next record: all must be written by the same one.
  using _onOneCpu = stayOnOneCpu();
  for (let index = 0; index < 200; index += 1) runPacket(program, { packet: packetOf(200, index) });
  const refused = Number(object.globals.refused);
  assert.ok(refused > 100, `${refused}`);
  assert.equal(await events.wait({ milliseconds: 1000 }), true);
  assert.equal(events.read().length, 200 - refused);
  runPacket(program, { packet: packetOf(14, 0) });
  events.read();
  assert.equal(events.statistics.lost, refused);
  assert.equal(events.statistics.records, Number(object.globals.written));
  assert.equal(events.pendingBytes, 0);
});

/** The thread that calls the kernel, until it is disposed of. */
function stayOnOneCpu(): Disposable {
  const thread = String(process.pid);
  const allowed = /list: (\S+)/.exec(execFileSync('taskset', ['-cp', thread], { encoding: 'utf8' }))?.[1] ?? '';
  const move = (cpus: string) => execFileSync('taskset', ['-cp', cpus, thread], { stdio: 'ignore' });
  move(String(Number.parseInt(allowed, 10)));
  return { [Symbol.dispose]: () => move(allowed) };
}

test('once it is closed the program finds no buffer; another reader takes over; a pending wait ends', async () => {
  using object = opened.load();
  const program = object.program('emit');
  const map = object.map<never, never>('events');
  const first = openEvents(map);
  const wait = first.wait();
  assert.equal(runPacket(program, { packet: packetOf(60, 1) }).returned, 2);
  assert.equal(await wait, true);
  const closed = first.wait();
  first.read();
  first[Symbol.dispose]();
  assert.equal(typeof (await closed), 'boolean');
  assert.equal(runPacket(program, { packet: packetOf(60, 1) }).returned, 0);
  using second = openEvents<Uint8Array>(map);
  assert.equal(runPacket(program, { packet: packetOf(60, 9) }).returned, 2);
  assert.deepEqual(second.read()[0]?.slice(8, 68), packetOf(60, 9));
  assert.throws(() => object.perfBuffer('events', { pages: 3 }), { code: 'USAGE', message: /not a power of 2/ });
});

test('what is refused leaves no descriptor', () => {
  using object = opened.load();
  const descriptors = (): string[] => readdirSync('/proc/self/fd');
  const before = descriptors();
  assert.throws(() => object.perfBuffer('.bss'), { code: 'USAGE', message: /is of type array/ });
  for (const pages of [0, 0.5, 3, -2]) {
    assert.throws(() => object.perfBuffer('events', { pages }), { code: 'USAGE', message: /not a power of 2/ });
  }
  assert.deepEqual(descriptors(), before);
});
