import { readFileSync, statfsSync } from 'node:fs';
import type { SyscallErrorDetail } from './syscall-error.js';
import { mustCall, type Register } from './syscalls.js';

/** Flags of mount(2) and umount2(2): `include/uapi/linux/mount.h`. */
export const mountFlag = {
  bind: 0x1000,
  recursive: 0x4000,
  shared: 0x10_0000,
} as const;
const detach = 2;

export interface Mount {
  /** Where it is mounted. */
  readonly path: string;
  /** `bpf`, `tracefs`, `nsfs`, … */
  readonly type: string;
  /** The part of the file system that is mounted: `/`, or `net:[4026532000]` for a bound namespace. */
  readonly root: string;
  readonly source: string;
}

const text = (value: string | undefined): Register => (value === undefined ? 0 : Buffer.from(`${value}\0`));

/** mount(2). */
export function mount(
  options: { source?: string; path: string; type?: string; flags?: number; data?: string },
  detail?: SyscallErrorDetail,
): void {
  const { source, path, type, flags = 0, data } = options;
  const tried = `mount ${type ?? source ?? 'file system'} on ${path}`;
  mustCall('mount', tried, [text(source), text(path), text(type), flags, text(data)], {
    capability: 'CAP_SYS_ADMIN',
    ...detail,
  });
}

/** umount2(2) with MNT_DETACH: the place is free at once, what is still open there goes on. */
export function unmount(path: string): void {
  mustCall('umount2', `unmount ${path}`, [text(path), detach], { capability: 'CAP_SYS_ADMIN' });
}

/** Every mount that this process sees, in order of mounting. */
export function listMounts(): Mount[] {
  return parseMountInfo(readFileSync('/proc/self/mountinfo', 'utf8'));
}

/** `/proc/PID/mountinfo`, as `Documentation/filesystems/proc.rst` section 3.5 has it. */
export function parseMountInfo(table: string): Mount[] {
  return table.split('\n').flatMap((line) => {
    const fields = line.split(' ');
    const [root, path] = [fields[3], fields[4]];
    const separator = fields.indexOf('-', 6);
    const [type, source] = [fields[separator + 1], fields[separator + 2]];
    if (separator === -1 || root === undefined || path === undefined || type === undefined) return [];
    return [{ path: unescapeOctal(path), type, root: unescapeOctal(root), source: unescapeOctal(source ?? '') }];
  });
}

/** Blank, tab, line feed and backslash are written in octal there. */
function unescapeOctal(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

/** Magic numbers of statfs(2): `include/uapi/linux/magic.h`. */
const magic = { bpf: 0xcafe4a11, tracefs: 0x74726163, nsfs: 0x6e736673, cgroup2: 0x63677270 } as const;

/** Whether the file or folder at `path` lies in a file system of that type; false where there is none. */
export function isOnFileSystem(path: string, type: keyof typeof magic): boolean {
  try {
    return statfsSync(path).type === magic[type];
  } catch {
    return false;
  }
}
