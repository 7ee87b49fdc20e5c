import { readMapInfo } from './info.js';
import { openById } from './iterate.js';

export interface MapSummary {
  readonly id: number;
  /** As the kernel cut it, at 15 bytes. */
  readonly name: string;
  readonly type: string;
}

/** Maps by their ids; those that are gone are left out. */
export function describeMaps(ids: readonly number[]): MapSummary[] {
  return ids.flatMap((id) => {
    using fd = openById('map', id);
    if (fd === undefined) return [];
    const { name, type } = readMapInfo(fd.number);
    return [{ id, name, type }];
  });
}
