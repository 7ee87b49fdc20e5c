/** What can hold an object without showing: told where it may be the case. */
import { statSync } from 'node:fs';
import { listMapMappings } from '../kernel/held-descriptors.js';
import type { KernelObject } from './reference.js';

/** The inode of the first PID namespace, PROC_PID_INIT_INO of `include/linux/proc_ns.h`. */
const firstPidNamespace = 0xeffffffcn;

/** Places by program type where the kernel tells nobody which program is there. */
const byType: Readonly<Record<string, string>> = {
  socket_filter: 'a socket whose filter it is (SO_ATTACH_BPF), or a rule of iptables (-m bpf)',
  sk_reuseport: 'a group of sockets whose selector it is (SO_ATTACH_REUSEPORT_EBPF)',
  sched_cls: 'an action of tc (`tc actions ls action bpf`)',
  sched_act: 'an action of tc (`tc actions ls action bpf`)',
  lwt_in: 'a route (`ip route`, encap bpf)',
  lwt_out: 'a route (`ip route`, encap bpf)',
  lwt_xmit: 'a route (`ip route`, encap bpf)',
  lwt_seg6local: 'a route (`ip -6 route`, encap seg6local)',
  lirc_mode2: 'an infrared receiver',
  struct_ops: 'a struct_ops map that it is part of (`bpftool struct_ops list`)',
  tracing: 'a trampoline that is being taken down',
};

export function unseenHolders({ kind, type }: KernelObject, hasRoots: boolean): string[] {
  const found: string[] = [];
  const place = kind === 'program' ? byType[type] : undefined;
  if (place !== undefined) found.push(place);
  if (kind === 'map' && !hasRoots) {
    const mappings = listMapMappings();
    const processes = [...new Set(mappings.map(({ pid, command }) => `${pid} (${command})`))];
    if (processes.length > 0) {
      found.push(`a memory mapping, which outlives its descriptor: of process ${processes.join(', ')}, of some map`);
    }
  }
  if (process.getuid?.() !== 0) found.push("descriptors of other users' processes, which only root sees");
  if (statSync('/proc/self/ns/pid', { bigint: true, throwIfNoEntry: false })?.ino !== firstPidNamespace) {
    found.push('processes outside of this PID namespace');
  }
  if (!hasRoots) {
    found.push('a descriptor under way in a socket, or registered with an io_uring');
    found.push('a network namespace without a name or process, a BPF file system that no process has mounted');
    found.push('the kernel itself, which frees a moment after the last holder is gone');
  }
  return found;
}
