/** What becomes of a packet by what a program returns, in our own words. Sources: `net/core/filter.c`,
 * `net/sched/cls_bpf.c`, `include/net/tcx.h`, `net/core/dev.c`, `include/uapi/linux/{bpf,pkt_cls,netfilter}.h`. */
import type { Since } from '../since.js';

export interface VerdictWords {
  readonly name: string;
  readonly number: number;
  readonly programTypes: readonly string[];
  /** The release that brought it, where that is later than the program type; with `bound` an earlier one may have. */
  readonly since?: Since;
  readonly what: string;
  /** Where it is seen and counted. */
  readonly seen?: string;
}

const tc = ['sched_cls', 'sched_act'];
const tunnels = ['lwt_in', 'lwt_out', 'lwt_xmit'];
/** `cls_bpf_exec_opcode` and `tcx_action_code`. */
const asUnspec = 'Of a filter in direct action, and of tcx, as TC_ACT_UNSPEC.';
const hidden =
  'tcpdump does not see the packet; drivers count it by queue (`ethtool -S`, `xdpkit stats`), not all of them in `ip -s link`';

export const verdictWords: readonly VerdictWords[] = [
  {
    name: 'XDP_ABORTED',
    number: 0,
    programTypes: ['xdp'],
    what: 'The packet is dropped, as an error of the program. What a program returns beyond XDP_REDIRECT is taken for it.',
    seen: 'tracepoint xdp:xdp_exception, with the program and the device; drivers count it as a drop or an error',
  },
  {
    name: 'XDP_DROP',
    number: 1,
    programTypes: ['xdp'],
    what: 'The packet is dropped: the driver uses its memory again at once, nothing of the stack has run. The cheapest drop there is.',
    seen: hidden,
  },
  {
    name: 'XDP_PASS',
    number: 2,
    programTypes: ['xdp'],
    what: 'The packet, as the program left it, goes on: the kernel makes an sk_buff of it, and tc, netfilter and sockets see it.',
    seen: 'tcpdump on the device sees the packet as it was changed',
  },
  {
    name: 'XDP_TX',
    number: 3,
    programTypes: ['xdp'],
    what: 'The packet goes out of the device that it came in by, without meeting tc or a queueing discipline. The program must have changed the addresses.',
    seen: `tracepoint xdp:xdp_bulk_tx in some drivers, with how many were sent and dropped; ${hidden}`,
  },
  {
    name: 'XDP_REDIRECT',
    number: 4,
    programTypes: ['xdp'],
    since: { release: '4.14', bound: false },
    what: 'The packet goes where bpf_redirect or bpf_redirect_map said: another device, another CPU, an AF_XDP socket. In bulk, at the end of the poll; what cannot be sent is dropped without a word to the program.',
    seen: 'tracepoints xdp:xdp_redirect_err (why it failed), xdp:xdp_devmap_xmit and xdp:xdp_cpumap_enqueue (sent and dropped); the target device must be able to send frames (`xdpkit doctor`, `xdpkit status`)',
  },
  {
    name: 'TC_ACT_UNSPEC',
    number: -1,
    programTypes: tc,
    what: 'No verdict: the next filter is asked, or what was configured is done. Of tcx the next program runs (TCX_NEXT).',
  },
  {
    name: 'TC_ACT_OK',
    number: 0,
    programTypes: tc,
    what: 'The packet goes on, and no further filter is asked. Of tcx TCX_PASS.',
  },
  {
    name: 'TC_ACT_RECLASSIFY',
    number: 1,
    programTypes: tc,
    what: `Of an action: the filters begin anew with the first. ${asUnspec}`,
  },
  {
    name: 'TC_ACT_SHOT',
    number: 2,
    programTypes: tc,
    what: 'The packet is dropped. Of tcx TCX_DROP.',
    seen: 'tcpdump sees what comes in, as it listens before; `tc -s qdisc` counts it, tracepoint skb:kfree_skb tells the reason TC_INGRESS or TC_EGRESS',
  },
  {
    name: 'TC_ACT_PIPE',
    number: 3,
    programTypes: tc,
    what: `Of an action: the next action of the filter runs. ${asUnspec}`,
  },
  {
    name: 'TC_ACT_STOLEN',
    number: 4,
    programTypes: tc,
    what: 'The packet is freed as if somebody had taken it: no drop is counted. Of tcx as TC_ACT_UNSPEC.',
  },
  { name: 'TC_ACT_QUEUED', number: 5, programTypes: tc, what: asUnspec },
  { name: 'TC_ACT_REPEAT', number: 6, programTypes: tc, what: asUnspec },
  {
    name: 'TC_ACT_REDIRECT',
    number: 7,
    programTypes: tc,
    what: 'The packet goes where bpf_redirect, bpf_redirect_peer or bpf_redirect_neigh said. Of tcx TCX_REDIRECT.',
  },
  {
    name: 'TC_ACT_TRAP',
    number: 8,
    programTypes: tc,
    what: 'For network cards that do tc themselves: the packet goes to the kernel. In software as TC_ACT_STOLEN.',
  },
  {
    name: 'SK_DROP',
    number: 0,
    programTypes: ['sk_skb', 'sk_msg', 'sk_lookup', 'sk_reuseport'],
    what: 'The data, the packet or the connection is dropped; sk_msg gives the sender EACCES.',
  },
  {
    name: 'SK_PASS',
    number: 1,
    programTypes: ['sk_skb', 'sk_msg', 'sk_lookup', 'sk_reuseport'],
    what: 'It goes on: to the socket that a helper has chosen, or else where it would have gone without the program.',
  },
  {
    name: 'CGROUP_DROP',
    number: 0,
    programTypes: ['cgroup_skb'],
    what: 'The packet is dropped; a sender gets EPERM. (The header has no name for it.)',
  },
  {
    name: 'CGROUP_PASS',
    number: 1,
    programTypes: ['cgroup_skb'],
    what: 'The packet goes on; on egress 3 does so too and tells TCP of congestion, as 2 does with a drop. (The header has no name for it.)',
  },
  {
    name: 'BPF_OK',
    number: 0,
    programTypes: [...tunnels, 'lwt_seg6local', 'flow_dissector'],
    what: 'The packet goes on.',
  },
  {
    name: 'BPF_DROP',
    number: 2,
    programTypes: [...tunnels, 'lwt_seg6local', 'flow_dissector'],
    what: 'The packet is dropped.',
  },
  {
    name: 'BPF_REDIRECT',
    number: 7,
    programTypes: ['lwt_xmit', 'lwt_seg6local'],
    what: 'The packet goes where bpf_redirect said, or a helper of segment routing has already sent it on.',
  },
  {
    name: 'BPF_LWT_REROUTE',
    number: 128,
    programTypes: ['lwt_in', 'lwt_xmit'],
    since: { release: '5.10', bound: true },
    what: 'The headers were changed: the packet is routed anew.',
  },
  {
    name: 'BPF_FLOW_DISSECTOR_CONTINUE',
    number: 129,
    programTypes: ['flow_dissector'],
    since: { release: '6.1', bound: true },
    what: "The kernel's own dissector is to do it.",
  },
  { name: 'NF_DROP', number: 0, programTypes: ['netfilter'], what: 'The packet is dropped.' },
  { name: 'NF_ACCEPT', number: 1, programTypes: ['netfilter'], what: 'The packet goes on to the next hook.' },
];
