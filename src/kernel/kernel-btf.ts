/** BTF in the kernel. BPF_BTF_LOAD since Linux 4.18. */
import { type Btf, readBtf } from '../btf/btf.js';
import { FileDescriptor } from '../linux/file-descriptor.js';
import { errnos } from '../linux/syscall-error.js';
import { commands } from '../uapi/bpf.generated.js';
import { Attribute, bpf, bpfError } from './bpf.js';
import { readBtfBytes } from './info.js';
import { openById } from './iterate.js';

/** Loads BTF whose sections are laid out; the kernel's reason is in the error when it refuses. */
export function loadBtf(bytes: Uint8Array, name: string): FileDescriptor {
  // btf 0, btf_log_buf 8, btf_size 16, btf_log_size 20, btf_log_level 24
  const first = bpf(commands.btf_load, new Attribute(28).pointer(0, bytes).u32(16, bytes.length));
  if (first >= 0) return new FileDescriptor(first, `BTF of ${name}`);
  const log = new Uint8Array(new ArrayBuffer(64 * 1024));
  const attribute = new Attribute(28).pointer(0, bytes).u32(16, bytes.length);
  const again = bpf(commands.btf_load, attribute.pointer(8, log).u32(20, log.length).u32(24, 1));
  if (again >= 0) return new FileDescriptor(again, `BTF of ${name}`);
  const text = Buffer.from(log).toString('utf8').replace(/\0.*$/s, '').trim();
  const said = text.split('\n').findLast((line) => line.trim() !== '');
  // With a log that was too small the kernel answers ENOSPC: the first answer is the reason.
  const number = -again === errnos.ENOSPC ? -first : -again;
  throw bpfError(`load the BTF of ${name}`, number, { said, log: text });
}

/** The BTF of a program or map in the kernel; undefined where it has none or is gone. */
export function readKernelBtf(id: number): Btf | undefined {
  if (id === 0) return undefined;
  using fd = openById('BTF', id);
  return fd && readBtf(readBtfBytes(fd.number), `BTF ${id}`);
}
