/**
 * What programs of a type are given as their context: the struct that they see, and the kernel's own that the verifier
 * puts in its place. Source: Linux `include/linux/bpf_types.h`.
 */
export interface ContextTypes {
  /** In `include/uapi/linux/bpf.h`. */
  readonly seen: string;
  readonly real: string;
  /** Attach types that a field may take, tried after the type's own. */
  readonly attachTypes: readonly (string | undefined)[];
}

const packet = { seen: '__sk_buff', real: 'sk_buff', attachTypes: [undefined] } as const;

export const contextTypes: Readonly<Record<string, ContextTypes>> = {
  // Only a program behind a redirect has a device to leave by.
  xdp: { seen: 'xdp_md', real: 'xdp_buff', attachTypes: [undefined, 'xdp_devmap'] },
  sched_cls: packet,
  sched_act: packet,
  socket_filter: packet,
  cgroup_skb: packet,
  lwt_in: packet,
  lwt_out: packet,
  lwt_xmit: packet,
  sk_skb: packet,
  sk_lookup: { seen: 'bpf_sk_lookup', real: 'bpf_sk_lookup_kern', attachTypes: ['sk_lookup'] },
  sock_ops: { seen: 'bpf_sock_ops', real: 'bpf_sock_ops_kern', attachTypes: [undefined] },
  sk_msg: { seen: 'sk_msg_md', real: 'sk_msg', attachTypes: [undefined] },
  cgroup_sock: { seen: 'bpf_sock', real: 'sock', attachTypes: [undefined] },
  cgroup_device: { seen: 'bpf_cgroup_dev_ctx', real: 'bpf_cgroup_dev_ctx', attachTypes: [undefined] },
  sk_reuseport: { seen: 'sk_reuseport_md', real: 'sk_reuseport_kern', attachTypes: [undefined] },
};
