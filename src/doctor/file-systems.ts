import { XdpkitError } from '../errors/error.js';
import { type Mount, parseMountInfo } from '../linux/mount.js';
import { type Files, textOf } from './files.js';
import type { Finding } from './finding.js';

const group = 'file systems';
const bpfPath = '/sys/fs/bpf';

/** `mountBpf` mounts the BPF file system at its usual place, or throws why it can't. */
export function examineFileSystems(files: Files, mountBpf: () => void): Finding[] {
  const mounts = parseMountInfo(textOf(files, '/proc/self/mountinfo') ?? '');
  return [examineBpf(mounts, mountBpf), ...others.map((other) => examineOther(mounts, other))];
}

function examineBpf(mounts: readonly Mount[], mountBpf: () => void): Finding {
  const item = 'BPF';
  if (mounts.some(({ type, path }) => type === 'bpf' && path === bpfPath)) {
    return { group, item, state: 'ok', found: bpfPath };
  }
  try {
    mountBpf();
    return { group, item, state: 'ok', found: `was not mounted; doctor has mounted it at ${bpfPath}`, fixed: true };
  } catch (error) {
    if (!(error instanceof XdpkitError)) throw error;
    return {
      group,
      item,
      state: 'missing',
      found: error.message,
      lost: 'pins: programs are held by netlink instead of links, and maps are not shared between processes',
      hint: error.hint,
    };
  }
}

/** File systems that doctor only tells of: mounting them is the administrator's choice. */
const others = [
  {
    item: 'tracefs',
    type: 'tracefs',
    lost: "the kernel's tracepoints by name, such as those of lost redirects",
    hint: 'mount -t tracefs tracefs /sys/kernel/tracing',
  },
  {
    item: 'cgroup v2',
    type: 'cgroup2',
    lost: 'programs on the sockets of a group of processes; XDP needs none',
    hint: 'mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified (after mkdir)',
  },
] as const;

function examineOther(mounts: readonly Mount[], { item, type, lost, hint }: (typeof others)[number]): Finding {
  const found = mounts.find((mounted) => mounted.type === type)?.path;
  if (found !== undefined) return { group, item, state: 'ok', found };
  return { group, item, state: 'missing', found: 'not mounted', lost, hint };
}
