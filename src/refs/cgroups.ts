/** Programs that are attached to control groups without a link. Since Linux 4.15. */
import { closeSync, openSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { queryPrograms } from '../kernel/query-programs.js';
import { listMounts } from '../linux/mount.js';
import { attachTypes } from '../uapi/bpf.generated.js';

export interface OnCgroup {
  readonly programId: number;
  readonly path: string;
  readonly attachType: string;
}

type AttachType = keyof typeof attachTypes;

const ofCgroups = Object.keys(attachTypes).filter(
  (name): name is AttachType => name.startsWith('cgroup_') || name === 'lsm_cgroup',
);

/** The folders of the control groups that are mounted here, by their ids, which are their inodes. */
export function listCgroups(): ReadonlyMap<bigint, string> {
  const found = new Map<bigint, string>();
  const folders = listMounts().flatMap(({ type, path }) => (type === 'cgroup2' ? [path] : []));
  for (let path = folders.pop(); path !== undefined; path = folders.pop()) {
    try {
      const { ino } = statSync(path, { bigint: true });
      if (found.has(ino)) continue;
      found.set(ino, path);
      for (const entry of readdirSync(path, { withFileTypes: true })) {
        if (entry.isDirectory()) folders.push(join(path, entry.name));
      }
    } catch {
      // It was removed meanwhile.
    }
  }
  return found;
}

/** `linked` tells how many links attach the program there: those are not told again. */
export function listCgroupPrograms(
  cgroups: ReadonlyMap<bigint, string>,
  linked: (cgroupId: bigint, attachType: string, programId: number) => number,
): OnCgroup[] {
  return [...cgroups].flatMap(([id, path]) =>
    programsOf(path).flatMap(({ attachType, ids }) =>
      [...new Set(ids)].flatMap((programId) => {
        const times = ids.filter((each) => each === programId).length;
        return times > linked(id, attachType, programId) ? [{ programId, path, attachType }] : [];
      }),
    ),
  );
}

function programsOf(path: string): { readonly attachType: AttachType; readonly ids: readonly number[] }[] {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return [];
  }
  try {
    return ofCgroups.map((attachType) => ({
      attachType,
      ids: queryPrograms(fd, attachType).map(({ programId }) => programId),
    }));
  } finally {
    closeSync(fd);
  }
}
