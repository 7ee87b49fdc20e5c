// SPDX-License-Identifier: (GPL-2.0-only OR MIT)
/* Fills a ring buffer with events of 64 bytes, one a run. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct event {
	__u32 number;
	__u32 rest[15];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);
	__type(value, struct event);
} events SEC(".maps");

static __u32 written;

SEC("xdp") int emit(struct xdp_md *context)
{
	struct event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event)
		return XDP_ABORTED;
	event->number = written++;
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
