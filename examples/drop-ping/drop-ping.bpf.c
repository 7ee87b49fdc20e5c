// SPDX-License-Identifier: (GPL-2.0-only OR MIT)
/*
 * Drops the replies to pings (ICMP and ICMPv6 echo replies) and passes everything else. Whoever pings through the device
 * sees the requests go out and no answer come in.
 */
#include "../xdp-stats.bpf.h"
#include <bpf/bpf_endian.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#define MAX_VLAN_TAGS 2
#define MAX_IPV6_EXTENSIONS 4
#define IP_FRAGMENT_OFFSET 0x1fff

struct vlan_tag {
	__be16 tci;
	__be16 protocol;
};

struct dropped {
	__u64 echo_reply;
	__u64 echo_reply_v6;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct dropped);
} dropped SEC(".maps");

/* Behind the Ethernet header and its VLAN tags; gives the EtherType found there, 0 when the frame ends before. */
static __always_inline __be16 parse_ethernet(void **position, void *end)
{
	struct ethhdr *ethernet = *position;
	__be16 protocol;

	if ((void *)(ethernet + 1) > end)
		return 0;
	protocol = ethernet->h_proto;
	*position = ethernet + 1;
#pragma unroll
	for (int i = 0; i < MAX_VLAN_TAGS; i++) {
		struct vlan_tag *tag = *position;

		if (protocol != bpf_htons(ETH_P_8021Q) && protocol != bpf_htons(ETH_P_8021AD))
			break;
		if ((void *)(tag + 1) > end)
			return 0;
		protocol = tag->protocol;
		*position = tag + 1;
	}
	return protocol;
}

static __always_inline int is_echo_reply(void *position, void *end)
{
	struct iphdr *ip = position;
	struct icmphdr *icmp;
	__u32 length;

	if ((void *)(ip + 1) > end)
		return 0;
	length = ip->ihl * 4;
	/* Only the first fragment starts with the ICMP header. */
	if (length < sizeof(*ip) || ip->protocol != IPPROTO_ICMP || ip->frag_off & bpf_htons(IP_FRAGMENT_OFFSET))
		return 0;
	icmp = position + length;
	if ((void *)(icmp + 1) > end)
		return 0;
	return icmp->type == ICMP_ECHOREPLY;
}

static __always_inline int is_echo_reply_v6(void *position, void *end)
{
	struct ipv6hdr *ip = position;
	struct icmp6hdr *icmp;
	__u8 next;

	if ((void *)(ip + 1) > end)
		return 0;
	next = ip->nexthdr;
	position = ip + 1;
#pragma unroll
	for (int i = 0; i < MAX_IPV6_EXTENSIONS; i++) {
		struct ipv6_opt_hdr *extension = position;

		if (next != IPPROTO_HOPOPTS && next != IPPROTO_DSTOPTS)
			break;
		if ((void *)(extension + 1) > end)
			return 0;
		next = extension->nexthdr;
		/* RFC 8200: in units of 8 bytes, the first 8 not counted. */
		position += (extension->hdrlen + 1) * 8;
	}
	icmp = position;
	if (next != IPPROTO_ICMPV6 || (void *)(icmp + 1) > end)
		return 0;
	return icmp->icmp6_type == ICMPV6_ECHO_REPLY;
}

SEC("xdp")
int drop_ping(struct xdp_md *ctx)
{
	void *end = (void *)(long)ctx->data_end;
	void *position = (void *)(long)ctx->data;
	__be16 protocol = parse_ethernet(&position, end);
	__u32 zero = 0;
	struct dropped *counters = bpf_map_lookup_elem(&dropped, &zero);

	if (!counters)
		return XDP_ABORTED;
	if (protocol == bpf_htons(ETH_P_IP) && is_echo_reply(position, end)) {
		counters->echo_reply++;
		return count_verdict(ctx, XDP_DROP);
	}
	if (protocol == bpf_htons(ETH_P_IPV6) && is_echo_reply_v6(position, end)) {
		counters->echo_reply_v6++;
		return count_verdict(ctx, XDP_DROP);
	}
	return count_verdict(ctx, XDP_PASS);
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
