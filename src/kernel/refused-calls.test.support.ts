/** Programs that the verifier refuses for what they call, and for what they took and did not give back. */
import type { RefusedProgram } from './refused-programs.test.support.js';

const hash = `struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 8); __type(key, __u32); __type(value, __u64); } m SEC(".maps");\n`;
const ring = `struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); } r SEC(".maps");\n`;
const locked = `struct v { struct bpf_spin_lock lock; int n; };
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, __u32); __type(value, struct v); } l SEC(".maps");\n`;

export const refusedForCalls: readonly RefusedProgram[] = [
  {
    name: 'a helper of another type of program',
    kind: 'helper-not-allowed',
    source: `SEC("xdp") int p(struct xdp_md *c) {
	return bpf_skb_change_type((void *)c, 0); // ← here
}`,
    what: /bpf_skb_change_type/,
    mend: /sched_cls/,
  },
  {
    name: 'a helper that no kernel has',
    kind: 'helper-unknown',
    source: `static long (*nothing)(void) = (void *)9999;
SEC("xdp") int p(struct xdp_md *c) {
	return nothing(); // ← here
}`,
    what: /9999/,
    mend: /newer kernel/,
  },
  {
    name: 'a helper for GPL programs only',
    kind: 'gpl-only',
    license: 'Proprietary',
    source: `SEC("xdp") int p(struct xdp_md *c) {
	bpf_trace_printk("x", 2); // ← here
	return XDP_PASS;
}`,
    what: /"Proprietary"/,
    mend: /SEC\("license"\) = "GPL"|Dual/,
  },
  {
    name: 'a helper of another type of map',
    kind: 'map-type',
    source: `${hash}SEC("xdp") int p(struct xdp_md *c) {
	void *event = bpf_ringbuf_reserve(&m, 8, 0); // ← here
	if (event) bpf_ringbuf_discard(event, 0);
	return XDP_PASS;
}`,
    what: /hash/,
    mend: /ringbuf/,
  },
  {
    name: 'a number where a helper wants a map',
    kind: 'argument-type',
    source: `SEC("xdp") int p(struct xdp_md *c) {
	__u32 key = 0;
	return bpf_map_delete_elem((void *)8, &key); // ← here
}`,
    what: /first argument of bpf_map_delete_elem/,
    mend: /map/,
  },
  {
    name: 'the context where a helper wants memory',
    kind: 'argument-type',
    source: `${hash}SEC("xdp") int p(struct xdp_md *c) {
	return bpf_map_delete_elem(&m, c); // ← here
}`,
    what: /second argument of bpf_map_delete_elem/,
    mend: /stack/,
  },
  {
    name: 'a size without a bound',
    kind: 'size-argument',
    source: `SEC("xdp") int p(struct xdp_md *c) {
	char b[16] = {};
	return bpf_xdp_load_bytes(c, 0, b, c->rx_queue_index); // ← here
}`,
    what: /bpf_xdp_load_bytes/,
    mend: /`__u32 size = c->rx_queue_index;`.*if \(size == 0 \|\| size > 16\) return XDP_PASS;/,
    mended: [
      'return bpf_xdp_load_bytes(c, 0, b, c->rx_queue_index)',
      '__u32 size = c->rx_queue_index;\n\tif (size == 0 || size > 16) return XDP_PASS;\n\treturn bpf_xdp_load_bytes(c, 0, b, size)',
    ],
  },
  {
    name: 'a size that may be negative',
    kind: 'size-argument',
    source: `SEC("xdp") int p(struct xdp_md *c) {
	char b[16] = {};
	long n = (int)c->rx_queue_index;
	if (n > 16) return XDP_PASS;
	return bpf_xdp_load_bytes(c, 0, b, n); // ← here
}`,
    what: /a number from 0 to 4294967295/,
    mend: /if \(n == 0 \|\| n > 16\)/,
    mended: [
      'long n = (int)c->rx_queue_index;\n\tif (n > 16)',
      '__u32 n = c->rx_queue_index;\n\tif (n == 0 || n > 16)',
    ],
  },
  {
    name: 'a helper that writes beyond a buffer on the stack',
    kind: 'stack-bounds',
    source: `SEC("xdp") int p(struct xdp_md *c) {
	char b[16] = {};
	return bpf_xdp_load_bytes(c, 0, b, 600); // ← here
}`,
    what: /600/,
    mend: /16|512/,
  },
  {
    name: 'a size that is no constant where one is needed',
    kind: 'argument-type',
    source: `${ring}SEC("xdp") int p(struct xdp_md *c) {
	void *event = bpf_ringbuf_reserve(&r, c->rx_queue_index, 0); // ← here
	if (event) bpf_ringbuf_discard(event, 0);
	return XDP_PASS;
}`,
    what: /constant/,
    mend: /bpf_ringbuf_reserve_dynptr|bpf_ringbuf_output|constant/,
  },
  {
    name: 'a reservation in a ring buffer that is not given back',
    kind: 'unreleased-reference',
    source: `${ring}SEC("xdp") int p(struct xdp_md *c) {
	__u64 *event = bpf_ringbuf_reserve(&r, 8, 0);
	if (!event) return XDP_PASS;
	*event = 1;
	return XDP_DROP;
} // ← here`,
    what: /bpf_ringbuf_reserve has taken in line \d/,
    mend: /bpf_ringbuf_submit\(event, 0\)|bpf_ringbuf_discard\(event, 0\)/,
    mended: ['return XDP_DROP;', 'bpf_ringbuf_submit(event, 0);\n\treturn XDP_DROP;'],
  },
  {
    name: 'a socket that is not given back',
    kind: 'unreleased-reference',
    source: `SEC("xdp") int p(struct xdp_md *c) {
	struct bpf_sock_tuple tuple = {};
	struct bpf_sock *socket = bpf_sk_lookup_tcp(c, &tuple, sizeof tuple.ipv4, -1, 0);
	if (socket) return XDP_DROP;
	return XDP_PASS;
} // ← here`,
    what: /bpf_sk_lookup_tcp/,
    mend: /bpf_sk_release\(socket\)/,
  },
  {
    name: 'something given back that was not taken',
    kind: 'release',
    source: `${ring}SEC("xdp") int p(struct xdp_md *c) {
	__u64 *event = bpf_ringbuf_reserve(&r, 8, 0);
	if (!event) return XDP_PASS;
	bpf_ringbuf_submit(event, 0);
	bpf_ringbuf_submit(event, 0); // ← here
	return XDP_PASS;
}`,
    what: /gives back by bpf_ringbuf_submit/,
    mend: /once/,
    mended: ['\tbpf_ringbuf_submit(event, 0);\n\tbpf_ringbuf_submit', '\tbpf_ringbuf_submit'],
  },
  {
    name: 'a lock that is not given back',
    kind: 'spin-lock',
    source: `${locked}SEC("xdp") int p(struct xdp_md *c) {
	__u32 key = 0;
	struct v *v = bpf_map_lookup_elem(&l, &key);
	if (!v) return XDP_PASS;
	bpf_spin_lock(&v->lock);
	v->n++;
	return XDP_PASS;
} // ← here`,
    what: /lock/,
    mend: /bpf_spin_unlock/,
  },
  {
    name: 'a helper while a lock is held',
    kind: 'spin-lock',
    source: `${locked}SEC("xdp") int p(struct xdp_md *c) {
	__u32 key = 0;
	struct v *v = bpf_map_lookup_elem(&l, &key);
	if (!v) return XDP_PASS;
	bpf_spin_lock(&v->lock);
	v->n = bpf_ktime_get_ns(); // ← here
	bpf_spin_unlock(&v->lock);
	return XDP_PASS;
}`,
    what: /bpf_ktime_get_ns/,
    mend: /before/,
  },
  {
    name: 'a lock that is given back without having been taken',
    kind: 'spin-lock',
    source: `${locked}SEC("xdp") int p(struct xdp_md *c) {
	__u32 key = 0;
	struct v *v = bpf_map_lookup_elem(&l, &key);
	if (!v) return XDP_PASS;
	bpf_spin_unlock(&v->lock); // ← here
	return XDP_PASS;
}`,
    what: /lock/,
    mend: /bpf_spin_lock/,
  },
  {
    name: 'a dynptr that was not made',
    kind: 'dynptr',
    source: `${ring}SEC("xdp") int p(struct xdp_md *c) {
	struct bpf_dynptr d;
	bpf_ringbuf_submit_dynptr(&d, 0); // ← here
	return XDP_PASS;
}`,
    what: /dynptr/,
    mend: /bpf_ringbuf_reserve_dynptr|bpf_dynptr_from/,
  },
  {
    name: 'a helper that may sleep in a program that may not',
    kind: 'sleepable',
    source: `SEC("kprobe/nothing") int p(void *c) {
	int value;
	bpf_copy_from_user(&value, 4, (void *)8); // ← here
	return value;
}`,
    what: /bpf_copy_from_user/,
    mend: /SEC\("(\w|\.)*\.s/,
  },
  {
    name: 'a call through a table from a function with much stack above',
    kind: 'tail-call',
    source: `struct { __uint(type, BPF_MAP_TYPE_PROG_ARRAY); __uint(max_entries, 1); __type(key, __u32); __type(value, __u32); } t SEC(".maps");
static __attribute__((noinline)) int inner(struct xdp_md *c) { bpf_tail_call(c, &t, 0); return c->rx_queue_index; }
SEC("xdp") int p(struct xdp_md *c) {
	volatile char b[300];
	b[c->rx_queue_index & 255] = 1;
	return inner(c) + b[4];
}`,
    what: /tail call/,
    mend: /256/,
  },
  {
    name: 'a global function that gives no number',
    kind: 'global-function',
    source: `__attribute__((noinline)) void *g(struct xdp_md *c) { return c; }
SEC("xdp") int p(struct xdp_md *c) {
	return g(c) != 0; // ← here
}`,
    what: /global function g/,
    mend: /Make g `static`/,
  },
  {
    name: 'a global function that is given a pointer to nothing known',
    kind: 'null-pointer',
    source: `__attribute__((noinline)) int g(int *n) {
	return *n; // ← here
}
SEC("xdp") int p(struct xdp_md *c) { int n = c->rx_queue_index; return g(&n); }`,
    what: /may be NULL/,
    mend: /if \(!n\) return 0;/,
    mended: 'as-told',
  },
  {
    name: 'an iterator that was not made',
    kind: 'iterator',
    source: `struct numbers { __u64 opaque; } __attribute__((aligned(8)));
extern int *bpf_iter_num_next(struct numbers *it) __ksym;
SEC("xdp") int p(struct xdp_md *c) {
	struct numbers it = {};
	int *at = bpf_iter_num_next(&it); // ← here
	return at ? *at & 1 : XDP_PASS;
}`,
    what: /bpf_iter_num_next with an iterator \(iter_num\)/,
    mend: /_new.*_next.*_destroy/,
  },
  {
    name: 'a section of RCU that is not left',
    kind: 'region',
    source: `extern void bpf_rcu_read_lock(void) __ksym;
SEC("xdp") int p(struct xdp_md *c) {
	bpf_rcu_read_lock();
	return XDP_PASS; // ← here
}`,
    what: /ends inside of a section that bpf_rcu_read_lock has begun/,
    mend: /bpf_rcu_read_unlock\(\);/,
  },
];
