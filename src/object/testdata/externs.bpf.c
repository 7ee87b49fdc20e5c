// SPDX-License-Identifier: GPL-2.0
// What only the running kernel can answer: functions, settings and struct layouts.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

extern int bpf_xdp_metadata_rx_hash(const struct xdp_md *context, __u32 *hash) __ksym;
extern int not_everywhere(void) __ksym __weak;
extern int CONFIG_HZ __kconfig;

struct net_device {
	int ifindex;
	unsigned int mtu;
} __attribute__((preserve_access_index));

SEC("xdp")
int kernel_function(struct xdp_md *context)
{
	__u32 hash;

	return bpf_xdp_metadata_rx_hash(context, &hash) ? XDP_DROP : XDP_PASS;
}

SEC("xdp")
int weak_function(struct xdp_md *context)
{
	return not_everywhere() ? XDP_DROP : XDP_PASS;
}

SEC("xdp")
int setting(struct xdp_md *context)
{
	return CONFIG_HZ > 100 ? XDP_DROP : XDP_PASS;
}

SEC("fentry/dev_queue_xmit")
int relocated(unsigned long long *context)
{
	struct net_device *device = (void *)context[0];

	return device->mtu;
}

SEC("tp_btf/xdp_exception")
int plain(unsigned long long *context)
{
	return 0;
}

char _license[] SEC("license") = "GPL";
