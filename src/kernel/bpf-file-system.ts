import { mkdirSync } from 'node:fs';
import { XdpkitError } from '../errors/error.js';
import { isOnFileSystem, mount } from '../linux/mount.js';

const mountPoint = '/sys/fs/bpf';

/** Mounts the BPF file system where it is missing, as bpftool does. Errors: `NO_BPF_FILE_SYSTEM`. */
export function ensureBpfFileSystem(): void {
  if (isOnFileSystem(mountPoint, 'bpf')) return;
  try {
    mkdirSync(mountPoint, { recursive: true });
    mount({ source: 'bpf', path: mountPoint, type: 'bpf' });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new XdpkitError('NO_BPF_FILE_SYSTEM', `no BPF file system is mounted at ${mountPoint}, and ${reason}`, {
      hint: `Mount it as root: mount -t bpf bpf ${mountPoint}`,
      cause,
    });
  }
}
