/** Which process holds which BPF object by which descriptor, from /proc/PID/fd and fdinfo. Those of other users need root. */
import { readFileSync, readlinkSync } from 'node:fs';
import { commandOf, listDescriptors, listProcesses, tryRead } from '../linux/processes.js';
import { commands } from '../uapi/bpf.generated.js';
import { Attribute, bpf } from './bpf.js';
import type { PinKind } from './pin.js';

export type HeldKind = PinKind | 'BTF';

export interface HeldDescriptor<Kind extends HeldKind = PinKind> {
  readonly pid: number;
  /** As in /proc/PID/comm: at most 15 bytes. */
  readonly command: string;
  readonly fd: number;
  readonly kind: Kind;
  readonly id: number;
  /** What the descriptor is, where it is no descriptor of the object itself: `perf event` (a kprobe, a tracepoint, …). */
  readonly of: 'object' | 'perf event';
}

/** One walk over all of /proc, this process included. Perf events, which hold a program without a link, since Linux 4.18. */
export function listHeldDescriptors<Kind extends HeldKind>(kinds: readonly Kind[]): HeldDescriptor<Kind>[] {
  return listProcesses().flatMap((pid) => {
    const held = listDescriptors(pid).flatMap((fd) => heldBy(pid, fd, kinds) ?? []);
    if (held.length === 0) return [];
    const command = commandOf(pid);
    return held.map((each) => ({ ...each, command }));
  });
}

/** Whether it still is what it was: tools that list objects hold each of them for a moment. */
export function isStillHeld({ pid, fd, kind, id }: HeldDescriptor): boolean {
  return heldBy(pid, fd, [kind])?.id === id;
}

/** Names of anonymous inodes, which differ by kernel, and what fdinfo calls the id. */
const inodes: Readonly<Record<HeldKind, { readonly name: RegExp; readonly field: string }>> = {
  program: { name: /^anon_inode:bpf-prog$/, field: 'prog_id' },
  map: { name: /^anon_inode:bpf-map$/, field: 'map_id' },
  link: { name: /^anon_inode:\[?bpf[-_](link|raw-tracepoint)/, field: 'link_id' },
  BTF: { name: /^anon_inode:btf$/, field: 'btf_id' },
};

function heldBy<Kind extends HeldKind>(
  pid: number,
  fd: number,
  kinds: readonly Kind[],
): Omit<HeldDescriptor<Kind>, 'command'> | undefined {
  const inode = tryRead(() => readlinkSync(`/proc/${pid}/fd/${fd}`)) ?? '';
  const kind = kinds.find((each) => inodes[each].name.test(inode));
  if (kind !== undefined) {
    const text = tryRead(() => readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8')) ?? '';
    const id = new RegExp(`^${inodes[kind].field}:\\s*(\\d+)$`, 'm').exec(text)?.[1];
    return id === undefined ? undefined : { pid, fd, kind, id: Number(id), of: 'object' };
  }
  const program = kinds.find((each) => each === 'program');
  if (program === undefined || inode !== 'anon_inode:[perf_event]') return undefined;
  const id = programOfPerfEvent(pid, fd);
  return id === undefined ? undefined : { pid, fd, kind: program, id, of: 'perf event' };
}

function programOfPerfEvent(pid: number, fd: number): number | undefined {
  // pid 0, fd 4, prog_id 24
  const attribute = new Attribute(48).u32(0, pid).u32(4, fd);
  const result = bpf(commands.task_fd_query, attribute);
  return result < 0 ? undefined : attribute.getU32(24) || undefined;
}

export interface MapMapping {
  readonly pid: number;
  readonly command: string;
  /** Bytes. */
  readonly size: number;
}

/** Memory mappings of maps, which hold them when their descriptors are closed. The kernel does not tell of which map. */
export function listMapMappings(): MapMapping[] {
  return listProcesses().flatMap((pid) => {
    const lines = tryRead(() => readFileSync(`/proc/${pid}/maps`, 'utf8'))?.split('\n') ?? [];
    return lines.flatMap((line) => {
      const found = /^([0-9a-f]+)-([0-9a-f]+) .*anon_inode:bpf-map$/.exec(line);
      if (found === null) return [];
      const size = Number(BigInt(`0x${found[2]}`) - BigInt(`0x${found[1]}`));
      return [{ pid, command: commandOf(pid), size }];
    });
  });
}
