// SPDX-License-Identifier: GPL-2.0
// Structs of functions for the kernel to call, and the programs that stand in them.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct operations {
	void (*init)(void);
	unsigned int (*limit)(void);
	char name[16];
};

SEC("struct_ops/init")
int init(void *context)
{
	return 0;
}

SEC("struct_ops.s/limit")
int limit(void *context)
{
	return 2;
}

SEC(".struct_ops") struct operations plain = {
	.limit = (void *)limit,
	.name = "plain",
};

SEC(".struct_ops.link") struct operations linked = {
	.init = (void *)init,
	.limit = (void *)limit,
};

char _license[] SEC("license") = "GPL";
