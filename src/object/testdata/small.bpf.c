// SPDX-License-Identifier: GPL-2.0
// One program, one map: the least that does something.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct counter {
	__u64 packets;
	__u64 bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 5);
	__type(key, __u32);
	__type(value, struct counter);
} xdp_stats SEC(".maps");

SEC("xdp")
int count(struct xdp_md *context)
{
	__u32 key = XDP_PASS;
	struct counter *counter = bpf_map_lookup_elem(&xdp_stats, &key);

	if (counter) {
		counter->packets++;
		counter->bytes += context->data_end - context->data;
	}
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
