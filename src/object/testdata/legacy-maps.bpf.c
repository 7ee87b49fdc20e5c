// SPDX-License-Identifier: GPL-2.0
// Maps as they were written before BTF.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct legacy_map {
	unsigned int type;
	unsigned int key_size;
	unsigned int value_size;
	unsigned int max_entries;
	unsigned int map_flags;
};

struct long_map {
	struct legacy_map map;
	unsigned int id;
	unsigned int pinning;
};

SEC("maps") struct legacy_map xdp_stats_map = {
	.type = BPF_MAP_TYPE_PERCPU_ARRAY, .key_size = 4, .value_size = 16, .max_entries = 5,
};

SEC("maps") struct legacy_map blocked = {
	.type = BPF_MAP_TYPE_LPM_TRIE, .key_size = 8, .value_size = 4, .max_entries = 1000, .map_flags = BPF_F_NO_PREALLOC,
};

SEC("maps/ports") struct long_map ports = {
	.map = { .type = BPF_MAP_TYPE_DEVMAP, .key_size = 4, .value_size = 4, .max_entries = 64 },
};

struct ____btf_map_blocked {
	struct { __u32 length; __u32 address; } key;
	__u32 value;
};
struct ____btf_map_blocked *unused;

SEC("prog")
int old(struct xdp_md *context)
{
	__u32 key[2] = { 32, 0 };

	if (bpf_map_lookup_elem(&blocked, key))
		return XDP_DROP;
	key[0] = 0;
	if (!bpf_map_lookup_elem(&xdp_stats_map, key))
		return XDP_ABORTED;
	return bpf_redirect_map(&ports, 0, 0);
}

char _license[] SEC("license") = "GPL";
