import { mkdirSync, readFileSync, readlinkSync } from 'node:fs';
import { XdpkitError } from '../errors/error.js';
import { isOnFileSystem, mount } from '../linux/mount.js';

const mountPoint = '/sys/fs/bpf';

/** Mounts the BPF file system where it is missing, as bpftool does. Errors: `NO_BPF_FILE_SYSTEM`. */
export function ensureBpfFileSystem(): void {
  if (isOnFileSystem(mountPoint, 'bpf')) return;
  if (isInPassingMountNamespace()) {
    throw new XdpkitError(
      'NO_BPF_FILE_SYSTEM',
      `no BPF file system is mounted at ${mountPoint} in this mount namespace, and what is mounted here goes with it`,
      { hint: 'Under `ip netns exec` it is hidden: leave that out and name the namespace with --netns.' },
    );
  }
  try {
    mkdirSync(mountPoint, { recursive: true });
    // Without a mode everybody could make folders in it, also xdpkit's own, and take root's pins out of them.
    mount({ source: 'bpf', path: mountPoint, type: 'bpf', data: 'mode=0700' });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new XdpkitError('NO_BPF_FILE_SYSTEM', `no BPF file system is mounted at ${mountPoint}, and ${reason}`, {
      hint: `Mount it as root: mount -t bpf -o mode=0700 bpf ${mountPoint}`,
      cause,
    });
  }
}

/**
 * Whether a process that this one descends from is in another mount namespace. `ip netns exec` makes one for its command
 * alone, with a /sys of its own: a BPF file system that is mounted there vanishes with all its pins when the command ends.
 */
function isInPassingMountNamespace(): boolean {
  const own = mountNamespaceOf('self');
  for (let pid: number | undefined = process.ppid; pid; pid = parentOf(pid)) {
    const other = mountNamespaceOf(pid);
    if (other !== undefined && other !== own) return true;
  }
  return false;
}

/** Undefined for a process that has ended or may not be looked into. */
function mountNamespaceOf(pid: number | 'self'): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/mnt`);
  } catch {
    return undefined;
  }
}

/** 0 for one that was started from outside of this process namespace. */
function parentOf(pid: number): number | undefined {
  try {
    return Number(/^PPid:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  } catch {
    return undefined;
  }
}
