// SPDX-License-Identifier: GPL-2.0
/*
 * Drops UDP packets to the ports in `blocked_ports`, and counts what becomes of every packet. What has VLAN tags or IPv6
 * extension headers, and all fragments but the first, is passed without a look at its ports.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define FRAGMENT_OFFSET 0x1fff

/* By port: how many packets to it were dropped. The loader puts the ports in. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u16);
	__type(value, __u64);
} blocked_ports SEC(".maps");

struct datarec {
	__u64 rx_packets;
	__u64 rx_bytes;
};

/* By verdict (XDP_ABORTED 0 … XDP_REDIRECT 4), for each CPU: `xdpkit stats --dev DEVICE` shows them too. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, XDP_REDIRECT + 1);
	__type(key, __u32);
	__type(value, struct datarec);
} xdp_stats SEC(".maps");

/* The UDP header of a packet, or 0 where it has none. The verifier wants to see each header's end checked. */
static __always_inline struct udphdr *find_udp(void *data, void *end)
{
	struct ethhdr *ethernet = data;
	struct udphdr *udp = 0;

	if ((void *)(ethernet + 1) > end)
		return 0;
	if (ethernet->h_proto == bpf_htons(ETH_P_IP)) {
		struct iphdr *ip = (void *)(ethernet + 1);

		if ((void *)(ip + 1) > end || ip->ihl < 5)
			return 0;
		if (ip->protocol != IPPROTO_UDP || ip->frag_off & bpf_htons(FRAGMENT_OFFSET))
			return 0;
		udp = (void *)ip + ip->ihl * 4;
	} else if (ethernet->h_proto == bpf_htons(ETH_P_IPV6)) {
		struct ipv6hdr *ip = (void *)(ethernet + 1);

		if ((void *)(ip + 1) > end || ip->nexthdr != IPPROTO_UDP)
			return 0;
		udp = (void *)(ip + 1);
	} else {
		return 0;
	}
	return (void *)(udp + 1) > end ? 0 : udp;
}

static __always_inline __u32 judge(void *data, void *end)
{
	struct udphdr *udp = find_udp(data, end);
	__u64 *dropped;
	__u16 port;

	if (!udp)
		return XDP_PASS;
	port = bpf_ntohs(udp->dest);
	dropped = bpf_map_lookup_elem(&blocked_ports, &port);
	if (!dropped)
		return XDP_PASS;
	__sync_fetch_and_add(dropped, 1);
	return XDP_DROP;
}

SEC("xdp")
int block_ports(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	__u32 verdict = judge(data, end);
	struct datarec *record = bpf_map_lookup_elem(&xdp_stats, &verdict);

	if (!record)
		return XDP_ABORTED;
	record->rx_packets++;
	record->rx_bytes += end - data;
	return verdict;
}

char LICENSE[] SEC("license") = "GPL";
