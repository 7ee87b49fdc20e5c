/** The context of a program by the names of its fields, as the running kernel's types have them. */
import { hostIsLittleEndian } from '../bytes/byte-order.js';
import { XdpkitError } from '../errors/error.js';
import { readTargetBtf } from '../kernel/target-btf.js';

/** What user space sees of a context, by program type; other types have none, or one that is not tested with. */
const structs: Readonly<Record<string, string>> = {
  sched_cls: '__sk_buff',
  sched_act: '__sk_buff',
  socket_filter: '__sk_buff',
  cgroup_skb: '__sk_buff',
  lwt_in: '__sk_buff',
  lwt_out: '__sk_buff',
  lwt_xmit: '__sk_buff',
  lwt_seg6local: '__sk_buff',
  flow_dissector: '__sk_buff',
  sk_lookup: 'bpf_sk_lookup',
};

/**
 * `{ mark: 5, priority: 1 }` as bytes for `PacketRunOptions.context`, all other fields zero. Errors: `USAGE` for a field
 * that the context does not have, `UNSUPPORTED` where the kernel does not tell its types.
 */
export function contextOf(type: string, fields: Readonly<Record<string, number>>): Uint8Array {
  const name = structs[type];
  const btf = readTargetBtf(undefined);
  const id = name === undefined ? undefined : btf.find('struct', name);
  const struct = id === undefined ? undefined : btf.type(id);
  if (struct?.kind !== 'struct') {
    throw new XdpkitError('USAGE', `programs of type ${type} have no context with fields: give its bytes`);
  }
  const members = struct.members.filter((member) => member.name !== '');
  const bytes = new Uint8Array(struct.size);
  const view = new DataView(bytes.buffer);
  for (const [field, value] of Object.entries(fields)) {
    const member = members.find((each) => each.name === field);
    const size = member && btf.sizeOf(member.type);
    if (member === undefined || size === undefined || ![1, 2, 4].includes(size)) {
      throw new XdpkitError('USAGE', `struct ${name} has no number "${field}"`, {
        hint: `It has ${members.map((each) => each.name).join(', ')}.`,
      });
    }
    if (!Number.isInteger(value) || value < 0 || value >= 2 ** (size * 8)) {
      throw new XdpkitError('USAGE', `${field} of struct ${name} takes 0 to ${2 ** (size * 8) - 1}`);
    }
    const at = member.bitOffset / 8;
    if (size === 4) view.setUint32(at, value, hostIsLittleEndian);
    else if (size === 2) view.setUint16(at, value, hostIsLittleEndian);
    else view.setUint8(at, value);
  }
  return bytes;
}
