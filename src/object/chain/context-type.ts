/** `struct xdp_md`, `include/uapi/linux/bpf.h`: by its name and shape the kernel knows the context of an XDP program. */
import type { TypeId } from '../../btf/types.js';
import type { GlueType } from './glue-types.js';

const fields = ['data', 'data_end', 'data_meta', 'ingress_ifindex', 'rx_queue_index', 'egress_ifindex'];

/** `word`: a type of 32 bits. */
export function contextType(word: TypeId): GlueType {
  const members = fields.map((name, index) => ({ name, type: word, bitOffset: index * 32, bitSize: 0 }));
  return { kind: 'struct', name: 'xdp_md', size: fields.length * 4, members };
}
