// SPDX-License-Identifier: GPL-2.0
// Sub-programs of every kind, and data of every kind.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define noinline __attribute__((noinline))

struct pair {
	__u32 first;
	__u64 second;
};

volatile const __u32 limit = 7;
volatile const struct pair constants = { 1, 2 };
static volatile const __u16 hidden_constant = 99;
__u64 start = 0x1122334455667788;
static volatile int secret = 3;
__u64 total;
__u8 flags[6];
static volatile __u32 zeroed;
__u32 special SEC(".data.special") = 42;

/* Static, in .text: called with a relocation to the section. */
static noinline int twice(int value)
{
	return (value + secret) * 2;
}

/* Global, in .text: called by its symbol; calls another one in .text. */
noinline int sum(int left, int right)
{
	total += left;
	return twice(left) + right;
}

/* Not reachable from outside the object. */
__attribute__((visibility("hidden"))) noinline int concealed(int value)
{
	return value ^ (int)start;
}

/* Static, in the section of programs: called without any relocation. */
static noinline SEC("xdp") int beside(int value)
{
	return value + flags[value & 3];
}

static long each(__u32 index, void *context)
{
	*(__u32 *)context += index;
	return 0;
}

static long other_each(__u32 index, void *context)
{
	*(__u32 *)context -= index;
	return 0;
}

SEC("xdp")
int first(struct xdp_md *context)
{
	return sum(context->ingress_ifindex, limit) > constants.second ? XDP_PASS : beside(context->rx_queue_index);
}

SEC("xdp")
int second(struct xdp_md *context)
{
	static volatile int calls;

	calls++;
	return beside(context->rx_queue_index) + sum(3, 4) + twice(5) > hidden_constant ? XDP_PASS : XDP_DROP;
}

SEC("xdp.frags")
int third(struct xdp_md *context)
{
	__u32 result = special + zeroed;

	bpf_loop(10, each, &result, 0);
	bpf_loop(10, other_each, &result, 0);
	return concealed(result) & 1 ? XDP_PASS : XDP_DROP;
}

SEC("prog_old")
int fourth(struct xdp_md *context)
{
	bpf_printk("seen on %d", context->ingress_ifindex);
	/* A literal without a name: section .rodata.str1.1. */
	bpf_trace_printk("again", sizeof("again"));
	return XDP_PASS;
}

SEC("xdp/devmap")
int fifth(struct xdp_md *context)
{
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
__u32 _version SEC("version") = 0x060c01;
