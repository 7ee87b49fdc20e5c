import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openText } from '../object/compile-text.test.support.js';
import { runPacket } from '../xdp/run-packet.js';

interface Order {
  readonly kind: number;
  readonly amount: bigint;
}

const opened = openText(`
struct order { __u32 kind; __u64 amount; };
struct { __uint(type, BPF_MAP_TYPE_USER_RINGBUF); __uint(max_entries, 4096); __type(value, struct order); } orders
	SEC(".maps");
__u64 total, taken, bytes;
__u32 last_kind;

static long take(struct bpf_dynptr *dynptr, void *context)
{
	struct order order = {};
	if (bpf_dynptr_read(&order, sizeof(order), dynptr, 0, 0)) return 1;
	total += order.amount;
	last_kind = order.kind;
	taken++;
	return 0;
}

SEC("xdp") int drain(struct xdp_md *ctx)
{
	long count = bpf_user_ringbuf_drain(&orders, take, 0, 0);
	return count < 0 ? XDP_ABORTED : XDP_PASS;
}
`);
const packet = new Uint8Array(60);

test('a program takes what is written, round and round the ring; a full ring says so', () => {
  using object = opened.load();
  using orders = object.userRingBuffer<Order>('orders');
  const drain = () => assert.equal(runPacket(object.program('drain'), { packet }).returned, 2);
  assert.equal(orders.size, 4096);
  let sum = 0n;
  let taken = 0n;
  for (let round = 0; round < 50; round += 1) {
    let written = 0;
    while (orders.write({ kind: round, amount: BigInt(round * 1000 + written) })) {
      sum += BigInt(round * 1000 + written);
      written += 1;
    }
    // 24 bytes a record.
    assert.equal(written, Math.floor(4096 / 24));
    assert.equal(orders.pendingBytes, written * 24);
    taken += BigInt(written);
    drain();
    assert.equal(orders.pendingBytes, 0);
    assert.deepEqual([object.globals.total, object.globals.taken, object.globals.last_kind], [sum, taken, round]);
  }
});

test('a reservation holds back what comes behind it until it is submitted or discarded', () => {
  using object = opened.load();
  using orders = object.userRingBuffer<Order>('orders');
  const drain = () => runPacket(object.program('drain'), { packet });
  const first = orders.reserve(16);
  assert.ok(first);
  assert.equal(orders.write({ kind: 2, amount: 20n }), true);
  drain();
  assert.equal(object.globals.taken, 0n);
  first.view.setUint32(0, 1, true);
  first.view.setBigUint64(8, 10n, true);
  first.submit();
  assert.throws(() => first.submit(), { code: 'USAGE', message: /submitted or discarded before/ });
  orders.reserve(100)?.discard();
  drain();
  assert.deepEqual([object.globals.taken, object.globals.total], [2n, 30n]);
  assert.equal(orders.pendingBytes, 0);
  assert.throws(() => orders.reserve(5000), {
    code: 'VALUE_SHAPE',
    message: /does not fit into ring buffer "orders" of 4096/,
  });
  assert.throws(() => orders.write({ kind: 1 } as Order), { code: 'VALUE_SHAPE', message: /"amount" is missing/ });
  assert.throws(() => object.ringBuffer('orders'), { code: 'USAGE', message: /is of type user_ringbuf, not ringbuf/ });
  orders[Symbol.dispose]();
  assert.throws(() => orders.write({ kind: 1, amount: 1n }), { code: 'CLOSED' });
});
