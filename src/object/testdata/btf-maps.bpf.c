// SPDX-License-Identifier: GPL-2.0
// Every field that a map's definition may have.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct flow {
	__u32 addresses[2];
	__u16 ports[2];
};

typedef const struct flow flow_key;

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1 << 20);
	__uint(map_flags, BPF_F_NO_COMMON_LRU | BPF_F_NUMA_NODE);
	__uint(numa_node, 0);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, flow_key);
	__type(value, __u64[3]);
} flows_with_a_name_that_the_kernel_cuts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_BLOOM_FILTER);
	__uint(max_entries, 100);
	__uint(value_size, 8);
	__uint(map_extra, 5);
} bloom SEC(".maps");

struct inner {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u8[6]);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 4);
	__uint(key_size, 4);
	__array(values, struct inner);
} tables SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 2);
	__uint(key_size, 4);
	__array(values, int (struct xdp_md *));
} tails SEC(".maps");

#ifdef UNKNOWN_FIELD
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(colour, 3);
} coloured SEC(".maps");
#endif

#ifdef CONFLICT
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(key_size, 8);
	__type(key, __u32);
} conflicting SEC(".maps");
#endif

SEC("xdp")
int use(struct xdp_md *context)
{
	struct flow key = {};
	__u32 zero = 0;
	void *inner;

	inner = bpf_map_lookup_elem(&tables, &zero);
	if (inner && bpf_map_lookup_elem(inner, &zero))
		bpf_tail_call(context, &tails, 0);
	bpf_ringbuf_output(&events, &key, sizeof(key), 0);
	return bpf_map_lookup_elem(&flows_with_a_name_that_the_kernel_cuts, &key) ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "GPL";
