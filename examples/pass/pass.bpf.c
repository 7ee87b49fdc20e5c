// SPDX-License-Identifier: (GPL-2.0-only OR MIT)
/* Passes everything and counts it, in a map that drop-ping has too: swapping one for the other keeps the counters. */
#include "../xdp-stats.bpf.h"

SEC("xdp")
int pass(struct xdp_md *ctx)
{
	return count_verdict(ctx, XDP_PASS);
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
