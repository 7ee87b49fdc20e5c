/** What each type of programs is for, in our own words. */

export interface ProgramWords {
  /** Where it runs, and what it decides. */
  readonly what: string;
  /** What it is attached by. */
  readonly attach: string;
  /** What it returns, where its verdicts have no names. */
  readonly returns?: string;
  readonly notes?: readonly string[];
}

const anything = 'nothing that counts';

export const programWords: Readonly<Record<string, ProgramWords>> = {
  socket_filter: {
    what: 'Runs for each packet that a socket receives, and says how much of it the socket gets.',
    attach: 'setsockopt(SO_ATTACH_BPF), iptables -m bpf, packet fanout',
    returns: 'how many bytes to keep; 0 drops the packet for this socket',
  },
  kprobe: {
    what: 'Runs at a function of the kernel or of a process, when it begins or returns.',
    attach: 'a perf event (kprobe, uprobe, and their returning forms), or a link to many functions',
    returns: `${anything}; of a session whether to run at the return as well (0)`,
  },
  sched_cls: {
    what: "Runs in traffic control, for packets that come in or go out, and has the kernel's whole sk_buff.",
    attach: 'a tc filter (clsact), tcx links (Linux 6.6), netkit devices (6.7)',
    notes: ['Unlike XDP it sees packets that leave, and packets that were put together by GRO.'],
  },
  sched_act: {
    what: 'As sched_cls, in the place of an action of traffic control.',
    attach: 'a tc action',
  },
  tracepoint: {
    what: 'Runs at a tracepoint, with its fields as tracefs describes them.',
    attach: 'a perf event, or a link',
    returns: anything,
  },
  xdp: {
    what: 'Runs for each packet that a device receives, in the driver and before the kernel makes an sk_buff of it.',
    attach: 'a device (netlink, or a link since Linux 5.9), or an entry of a devmap or cpumap',
    notes: ['Native mode is the driver, generic mode the kernel for drivers that cannot, offload the network card.'],
  },
  perf_event: {
    what: 'Runs at samples of a perf event, such as a number of CPU cycles.',
    attach: 'a perf event, or a link',
    returns: anything,
  },
  cgroup_skb: {
    what: 'Runs for packets that sockets of a control group send or receive, at the IP layer.',
    attach: 'a control group',
  },
  cgroup_sock: {
    what: 'Runs when a process of a control group makes, binds or closes a socket.',
    attach: 'a control group',
    returns: '1 allows, 0 refuses with EPERM',
  },
  lwt_in: {
    what: 'Runs for packets that a route takes in, as a lightweight tunnel; may read only.',
    attach: 'ip route … encap bpf in',
  },
  lwt_out: {
    what: 'Runs for packets that a route sends out, as a lightweight tunnel; may read only.',
    attach: 'ip route … encap bpf out',
  },
  lwt_xmit: {
    what: 'Runs for packets that a route is about to send, may change them and add headers.',
    attach: 'ip route … encap bpf xmit',
  },
  sock_ops: {
    what: 'Runs at the turns of a TCP connection (connect, established, timeout, …), and sets its options.',
    attach: 'a control group',
    returns: 'depends on the operation: 1 for most, or the value that was asked for in reply',
  },
  sk_skb: {
    what: 'Runs for data that sockets in a sockmap receive: a parser finds messages, a verdict sends them on.',
    attach: 'a sockmap or sockhash',
    notes: ['A parser returns the length of the message; 0 for more data.'],
  },
  cgroup_device: {
    what: 'Runs when a process of a control group opens or makes a device file.',
    attach: 'a control group',
    returns: '1 allows, 0 refuses with EPERM',
  },
  sk_msg: {
    what: 'Runs for data that is sent by sockets in a sockmap, before TCP has it.',
    attach: 'a sockmap or sockhash',
  },
  raw_tracepoint: {
    what: 'Runs at a tracepoint, with its arguments as they are: faster than tracepoint.',
    attach: 'a link by BPF_RAW_TRACEPOINT_OPEN',
    returns: anything,
  },
  cgroup_sock_addr: {
    what: 'Runs at bind, connect, sendmsg, recvmsg and the like in a control group, and may change the address.',
    attach: 'a control group',
    returns: '1 allows, 0 refuses with EPERM',
  },
  lwt_seg6local: {
    what: 'Runs as the action End.BPF of IPv6 segment routing.',
    attach: 'ip -6 route … encap seg6local action End.BPF',
    returns: 'BPF_OK (0), BPF_DROP (2), BPF_REDIRECT (7)',
  },
  lirc_mode2: {
    what: 'Decodes what an infrared receiver receives.',
    attach: 'a device /dev/lircN',
    returns: anything,
  },
  sk_reuseport: {
    what: 'Chooses which socket of a reuseport group gets a packet or connection.',
    attach: 'setsockopt(SO_ATTACH_REUSEPORT_EBPF)',
  },
  flow_dissector: {
    what: 'Takes the headers of a packet apart in the place of the kernel, for its hashes and filters.',
    attach: 'a network namespace',
    returns: 'BPF_OK (0), BPF_DROP (2), or 129 to have the kernel do it',
  },
  cgroup_sysctl: {
    what: 'Runs when a process of a control group reads or writes a sysctl.',
    attach: 'a control group',
    returns: '1 allows, 0 refuses with EPERM',
  },
  raw_tracepoint_writable: {
    what: 'As raw_tracepoint, at the few tracepoints whose first argument it may change.',
    attach: 'a link by BPF_RAW_TRACEPOINT_OPEN',
    returns: anything,
  },
  cgroup_sockopt: {
    what: 'Runs at getsockopt and setsockopt in a control group, and may change what they say.',
    attach: 'a control group',
    returns: '1 allows, 0 refuses with EPERM',
  },
  tracing: {
    what: 'Runs at functions of the kernel or of programs (fentry, fexit, fmod_ret), typed tracepoints, and as iterator.',
    attach: 'a link',
    returns: 'of fmod_ret 0 to go on, or what the function is to return; of iterators 0, or 1 to run again',
    notes: [
      'All but typed tracepoints and iterators need trampolines, which some hosts refuse: `xdpkit doctor` tells.',
    ],
  },
  struct_ops: {
    what: 'Is a function of a table of the kernel, such as a congestion control or a scheduler.',
    attach: 'a struct_ops map, and its link',
    returns: 'what that function returns',
  },
  ext: {
    what: 'Takes the place of a global function of another program (freplace).',
    attach: 'a link to that program',
    returns: 'what that function returns',
    notes: ['It needs trampolines, which some hosts refuse: `xdpkit doctor` tells.'],
  },
  lsm: {
    what: 'Runs at the hooks of security modules, and may refuse what is asked.',
    attach: 'a link to a hook, or a control group',
    returns: '0 allows, a negative errno refuses',
    notes: ['`bpf` must be among the security modules (/sys/kernel/security/lsm).'],
  },
  sk_lookup: {
    what: 'Chooses the socket for a new connection or a packet, before the kernel looks for one: one for many ports.',
    attach: 'a network namespace',
  },
  syscall: {
    what: 'Runs once, when user space asks it to, and may make system calls of BPF: loaders are made so.',
    attach: 'nothing: BPF_PROG_TEST_RUN runs it',
    returns: 'what user space gets as the result',
  },
  netfilter: {
    what: 'Runs at a hook of netfilter, beside the rules of nftables.',
    attach: 'a link',
  },
};
