/** What a link is attached to: the part of struct bpf_link_info that each type has of its own. */

import { hostIsLittleEndian } from '../bytes/byte-order.js';
import { attachTypeName, readInfo, readLinkInfo } from './info.js';

export type LinkTarget =
  /** xdp, tcx, netkit. The index is one of the namespace that the kernel does not tell; 0 when the device is gone, or the link was detached. */
  | { readonly kind: 'device'; readonly ifindex: number; readonly attachType: string }
  | { readonly kind: 'cgroup'; readonly cgroupId: bigint; readonly attachType: string }
  /** `netns`: the namespace's inode, as in `net:[4026531840]`; 0 when it is gone. */
  | { readonly kind: 'netns'; readonly inode: number; readonly attachType: string }
  | { readonly kind: 'tracepoint'; readonly name: string }
  /** Of other types only the type is known here. */
  | { readonly kind: 'other' };

const infoSize = 64;
const longestName = 256;

export function readLinkTarget(fd: number): LinkTarget {
  const { type } = readLinkInfo(fd);
  const info = readInfo(fd, infoSize, 'link');
  switch (type) {
    // ifindex 16
    case 'xdp':
      return { kind: 'device', ifindex: info.getU32(16), attachType: 'xdp' };
    // ifindex 16, attach_type 20
    case 'tcx':
    case 'netkit':
      return { kind: 'device', ifindex: info.getU32(16), attachType: attachTypeName(info.getU32(20)) };
    // cgroup_id 16, attach_type 24
    case 'cgroup':
      return {
        kind: 'cgroup',
        cgroupId: info.view.getBigUint64(16, hostIsLittleEndian),
        attachType: attachTypeName(info.getU32(24)),
      };
    // netns_ino 16, attach_type 20
    case 'netns':
      return { kind: 'netns', inode: info.getU32(16), attachType: attachTypeName(info.getU32(20)) };
    case 'raw_tracepoint':
      return { kind: 'tracepoint', name: readTracepointName(fd) };
    default:
      return { kind: 'other' };
  }
}

/** tp_name 16, tp_name_len 24: the kernel writes the name to where the caller wants it. */
function readTracepointName(fd: number): string {
  const name = new Uint8Array(new ArrayBuffer(longestName));
  readInfo(fd, infoSize, 'link', (info) => info.pointer(16, name).u32(24, name.length));
  return new TextDecoder().decode(name.subarray(0, name.indexOf(0)));
}
