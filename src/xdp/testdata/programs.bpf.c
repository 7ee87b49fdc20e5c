// SPDX-License-Identifier: (GPL-2.0-only OR MIT)
/* One object for each define; TOKEN makes the names of a test run its own, so that its kernel objects can be told apart. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define GLUE(a, b) a##b
#define JOIN(a, b) GLUE(a, b)
#define NAMED(name) JOIN(name, TOKEN)

#if defined(TWO) || defined(PINNED)
struct datarec {
	__u64 rx_packets;
	__u64 rx_bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 5);
	__type(key, __u32);
	__type(value, struct datarec);
} xdp_stats SEC(".maps");

static __always_inline int count(struct xdp_md *ctx, __u32 verdict)
{
	struct datarec *record = bpf_map_lookup_elem(&xdp_stats, &verdict);

	if (!record)
		return XDP_ABORTED;
	record->rx_packets++;
	record->rx_bytes += ctx->data_end - ctx->data;
	return verdict;
}
#endif

#ifdef TWO
SEC("xdp") int NAMED(drop_)(struct xdp_md *ctx) { return count(ctx, XDP_DROP); }
SEC("xdp") int NAMED(pass_)(struct xdp_md *ctx) { return count(ctx, XDP_PASS); }
#endif

#ifdef PINNED
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} NAMED(pin_) SEC(".maps");

SEC("xdp") int NAMED(keep_)(struct xdp_md *ctx)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&NAMED(pin_), &zero) ? count(ctx, XDP_PASS) : XDP_ABORTED;
}
#endif

#ifdef ONE
SEC("xdp") int NAMED(alone_)(struct xdp_md *ctx) { return XDP_PASS; }
#endif

#ifdef OLD
/* As tutorials of 2018 have it: a section name that says nothing, and a map without BTF. */
struct bpf_map_def {
	unsigned int type, key_size, value_size, max_entries, map_flags;
};

struct bpf_map_def SEC("maps") xdp_stats_map = {
	.type = BPF_MAP_TYPE_PERCPU_ARRAY,
	.key_size = 4,
	.value_size = 16,
	.max_entries = 5,
};

SEC("xdp_drop") int NAMED(old_)(struct xdp_md *ctx)
{
	__u32 verdict = XDP_DROP;
	__u64 *record = bpf_map_lookup_elem(&xdp_stats_map, &verdict);

	if (!record)
		return XDP_ABORTED;
	record[0]++;
	record[1] += ctx->data_end - ctx->data;
	return verdict;
}
#endif

#ifdef DISPATCHER
SEC("xdp") int xdp_dispatcher(struct xdp_md *ctx) { return XDP_PASS; }
SEC("xdp") int NAMED(first_)(struct xdp_md *ctx) { return XDP_PASS; }
SEC("xdp") int NAMED(then_)(struct xdp_md *ctx) { return XDP_PASS; }
#endif

#ifdef REFUSED
SEC("xdp") int NAMED(reads_)(struct xdp_md *ctx)
{
	unsigned char *data = (void *)(long)ctx->data;

	return data[20] == 1 ? XDP_DROP : XDP_PASS;
}
#endif

#ifdef NO_XDP
SEC("socket") int NAMED(socket_)(struct __sk_buff *skb) { return 0; }
#endif

#ifdef LAYOUT
/* LAYOUT is the type of the value, ENTRIES and MAP_TYPE say the rest. */
#ifndef MAP_NAME
#define MAP_NAME xdp_stats_map
#endif
struct renamed { __u32 color; __u64 pkts; __u64 bytes; };
struct packets_only { __u64 rx_packets; };
struct other { __u64 allowed; __u64 denied; };
struct half { __u32 a; __u32 b; };

struct {
	__uint(type, MAP_TYPE);
	__uint(max_entries, ENTRIES);
	__type(key, __u32);
	__type(value, LAYOUT);
} MAP_NAME SEC(".maps");

SEC("xdp") int NAMED(counts_)(struct xdp_md *ctx)
{
	__u32 key = KEY;
	LAYOUT *record = bpf_map_lookup_elem(&MAP_NAME, &key);

	if (!record)
		return XDP_ABORTED;
	*(FIELD_TYPE *)((void *)record + OFFSET) += 1;
	return XDP_PASS;
}
#endif

char LICENSE[] SEC("license") = "Dual MIT/GPL";
