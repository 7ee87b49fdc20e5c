import { readProgramInfo } from './info.js';
import { listIds, openById } from './iterate.js';

export interface MapUser {
  readonly id: number;
  /** As the kernel cut it. */
  readonly name: string;
  readonly type: string;
}

/** The programs that use a map, which keep it alive as long as they live. Needs CAP_SYS_ADMIN. */
export function listMapUsers(mapId: number): MapUser[] {
  return [...listIds('program')].flatMap((program) => {
    using fd = openById('program', program);
    if (fd === undefined) return [];
    const { id, name, type, mapIds } = readProgramInfo(fd.number);
    return mapIds.includes(mapId) ? [{ id, name, type }] : [];
  });
}
