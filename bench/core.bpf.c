// SPDX-License-Identifier: (GPL-2.0-only OR MIT)
/* 32 programs that ask for the kernel's types, as a tool for tracing would: what `npm run bench` opens and loads. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#define CORE __attribute__((preserve_access_index))

struct ns_common {
	unsigned int inum;
} CORE;

struct pid_namespace {
	struct ns_common ns;
	unsigned int level;
} CORE;

struct nsproxy {
	struct pid_namespace *pid_ns_for_children;
} CORE;

struct cgroup {
	int level;
} CORE;

struct css_set {
	struct cgroup *dfl_cgrp;
} CORE;

struct mm_struct {
	struct {
		unsigned long start_code, end_code;
	};
} CORE;

struct task_struct {
	int pid, tgid, prio;
	unsigned int flags, policy;
	struct task_struct *real_parent, *group_leader;
	struct nsproxy *nsproxy;
	struct css_set *cgroups;
	struct mm_struct *mm;
	char comm[16];
	unsigned long long start_time;
	unsigned long nvcsw;
} CORE;

enum bpf_map_type___now { BPF_MAP_TYPE_RINGBUF___now = 27 };

struct event {
	__u64 time, start_time, switches, code;
	__u32 pid, tgid, parent, leader, namespace, level, flags, rings;
	char comm[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct event);
} tasks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 32);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

const volatile __u32 wanted;

static __always_inline int observe(__u32 number)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct event event = { .time = bpf_ktime_get_ns() };
	__u64 *count = bpf_map_lookup_elem(&counts, &number);

	if (!count || (wanted && BPF_CORE_READ(task, tgid) != wanted))
		return 0;
	*count += 1;
	event.pid = BPF_CORE_READ(task, pid);
	event.tgid = BPF_CORE_READ(task, tgid);
	event.parent = BPF_CORE_READ(task, real_parent, tgid);
	event.leader = BPF_CORE_READ(task, group_leader, pid);
	event.namespace = BPF_CORE_READ(task, nsproxy, pid_ns_for_children, ns.inum);
	event.level = BPF_CORE_READ(task, cgroups, dfl_cgrp, level);
	event.flags = BPF_CORE_READ(task, flags);
	event.start_time = BPF_CORE_READ(task, start_time);
	event.code = BPF_CORE_READ(task, mm, end_code);
	if (bpf_core_field_exists(task->nvcsw))
		event.switches = BPF_CORE_READ(task, nvcsw);
	if (bpf_core_enum_value_exists(enum bpf_map_type___now, BPF_MAP_TYPE_RINGBUF___now))
		event.rings = bpf_core_enum_value(enum bpf_map_type___now, BPF_MAP_TYPE_RINGBUF___now);
	BPF_CORE_READ_STR_INTO(&event.comm, task, comm);
	bpf_map_update_elem(&tasks, &event.pid, &event, 0);
	return 0;
}

#define PROGRAM(number) \
	SEC("raw_tracepoint/sys_enter") int observe_##number(void *context) { return observe(number); }
#define FOUR(a, b, c, d) PROGRAM(a) PROGRAM(b) PROGRAM(c) PROGRAM(d)

FOUR(0, 1, 2, 3)
FOUR(4, 5, 6, 7)
FOUR(8, 9, 10, 11)
FOUR(12, 13, 14, 15)
FOUR(16, 17, 18, 19)
FOUR(20, 21, 22, 23)
FOUR(24, 25, 26, 27)
FOUR(28, 29, 30, 31)

char _license[] SEC("license") = "GPL";
