/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/* Packets and bytes by verdict, in the shape that `xdpkit stats` and the XDP tutorial's tools read. */
#ifndef XDP_STATS_BPF_H
#define XDP_STATS_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct datarec {
	__u64 rx_packets;
	__u64 rx_bytes;
};

/* One entry a verdict: XDP_ABORTED 0 … XDP_REDIRECT 4. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, XDP_REDIRECT + 1);
	__type(key, __u32);
	__type(value, struct datarec);
} xdp_stats SEC(".maps");

/* Counts the packet and gives the verdict back, so that a program can end with `return count_verdict(ctx, …)`. */
static __always_inline int count_verdict(struct xdp_md *ctx, __u32 verdict)
{
	struct datarec *record = bpf_map_lookup_elem(&xdp_stats, &verdict);

	if (!record)
		return XDP_ABORTED;
	record->rx_packets++;
	record->rx_bytes += ctx->data_end - ctx->data;
	return verdict;
}

#endif
