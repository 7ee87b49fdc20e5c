/** The kernel's programs, maps, links and BTF by id. Needs CAP_SYS_ADMIN. Programs and maps since Linux 4.13. */
import { FileDescriptor } from '../linux/file-descriptor.js';
import { errnos } from '../linux/syscall-error.js';
import { commands } from '../uapi/bpf.generated.js';
import { Attribute, bpf, bpfError } from './bpf.js';

const calls = {
  program: { next: 'prog_get_next_id', open: 'prog_get_fd_by_id' },
  map: { next: 'map_get_next_id', open: 'map_get_fd_by_id' },
  link: { next: 'link_get_next_id', open: 'link_get_fd_by_id' },
  BTF: { next: 'btf_get_next_id', open: 'btf_get_fd_by_id' },
} as const;

/** With less a process only sees what it has made or was handed. */
const needs = ['sys_admin'] as const;

export type BpfObjectKind = keyof typeof calls;

/** The ids of all objects of a kind, ascending. Objects that come or go meanwhile may be missed or already gone. */
export function* listIds(kind: BpfObjectKind): Generator<number> {
  // start_id 0, next_id 4
  const attribute = new Attribute(12);
  while (true) {
    const result = bpf(commands[calls[kind].next], attribute);
    if (-result === errnos.ENOENT) return;
    if (result < 0) throw bpfError(`list the kernel's ${kind} ids`, -result, { needs });
    const id = attribute.getU32(4);
    yield id;
    attribute.u32(0, id);
  }
}

/** A descriptor of the object, undefined when it is gone. */
export function openById(kind: BpfObjectKind, id: number): FileDescriptor | undefined {
  const result = bpf(commands[calls[kind].open], new Attribute(12).u32(0, id));
  if (result >= 0) return new FileDescriptor(result, `${kind} ${id}`);
  // A link that is only being made answers EAGAIN: it is not there yet.
  if (-result === errnos.ENOENT || -result === errnos.EAGAIN) return undefined;
  throw bpfError(`open ${kind} ${id}`, -result, { needs });
}
