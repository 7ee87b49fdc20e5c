/** Pins: names on a BPF file system that keep programs, maps and links alive. */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { XdpkitError } from '../errors/error.js';
import { FileDescriptor } from '../linux/file-descriptor.js';
import { errnos } from '../linux/syscall-error.js';
import { commands } from '../uapi/bpf.generated.js';
import { Attribute, bpf, bpfError } from './bpf.js';

/** xdpkit's own pins live under here. */
export const pinRoot = '/sys/fs/bpf/xdpkit';

/** `what` names the object in errors. Folders on the way are made. Errors: `PIN_EXISTS`, `NO_BPF_FILE_SYSTEM`. */
export function pinObject(fd: number, path: string, what: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  // pathname 0, bpf_fd 8
  const result = bpf(commands.obj_pin, new Attribute(16).path(0, path).u32(8, fd));
  if (result < 0) throw pinError(-result, path, what);
}

function pinError(number: number, path: string, what: string): XdpkitError {
  const tried = `pin ${what} at ${path}`;
  if (number === errnos.EEXIST) {
    return bpfError(tried, number, { code: 'PIN_EXISTS', said: 'the path is taken', hint: `Remove ${path} first.` });
  }
  // The kernel answers EPERM to a path that lies on any other file system.
  if (number === errnos.EPERM || number === errnos.EINVAL) {
    return bpfError(tried, number, {
      code: 'NO_BPF_FILE_SYSTEM',
      said: 'the path is not on a BPF file system',
      hint: 'Mount one: `mount -t bpf bpf /sys/fs/bpf` (`xdpkit doctor` does it).',
    });
  }
  return bpfError(tried, number);
}

/** Opens what is pinned at `path`; undefined when nothing is there. */
export function openPinned(path: string, what: string): FileDescriptor | undefined {
  const result = bpf(commands.obj_get, new Attribute(16).path(0, path));
  if (result >= 0) return new FileDescriptor(result, what);
  if (-result === errnos.ENOENT || -result === errnos.ENOTDIR) return undefined;
  throw bpfError(`open ${what} pinned at ${path}`, -result);
}
