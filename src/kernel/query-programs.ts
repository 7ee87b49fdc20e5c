/** BPF_PROG_QUERY: which programs are attached to a cgroup, a device, a map of sockets or a network namespace. */
import { hostIsLittleEndian } from '../bytes/byte-order.js';
import { errnos } from '../linux/syscall-error.js';
import { attachTypes, commands } from '../uapi/bpf.generated.js';
import { Attribute, bpf } from './bpf.js';

export interface AttachedProgram {
  readonly programId: number;
  /** The link that attaches it, where the kernel tells (tcx, netkit); 0 where it is attached without one. */
  readonly linkId: number | undefined;
}

/**
 * `target` is a descriptor, or for tcx and netkit an ifindex of the present network namespace. Nothing where the target
 * takes no such programs. cgroups since Linux 4.15, network namespaces 4.20, maps of sockets 5.19, tcx 6.6.
 */
export function queryPrograms(target: number, attachType: keyof typeof attachTypes): AttachedProgram[] {
  for (let room = 16; ; room *= 4) {
    const programs = new Uint8Array(new ArrayBuffer(room * 4));
    const links = new Uint8Array(new ArrayBuffer(room * 4));
    const tellsLinks = /^(tcx|netkit)_/.test(attachType);
    // target_fd 0, attach_type 4, prog_ids 16, prog_cnt 24, link_ids 40
    const attribute = new Attribute(64)
      .u32(0, target)
      .u32(4, attachTypes[attachType])
      .pointer(16, programs)
      .u32(24, room);
    if (tellsLinks) attribute.pointer(40, links);
    const result = bpf(commands.prog_query, attribute);
    if (-result === errnos.ENOSPC) continue;
    if (result < 0) return [];
    const ids = (bytes: Uint8Array, at: number) => new DataView(bytes.buffer).getUint32(at * 4, hostIsLittleEndian);
    return Array.from({ length: attribute.getU32(24) }, (_, at) => ({
      programId: ids(programs, at),
      linkId: tellsLinks ? ids(links, at) : undefined,
    }));
  }
}
