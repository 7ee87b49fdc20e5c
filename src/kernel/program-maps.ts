import { openById } from './iterate.js';
import { describeMap, FullNames } from './list-maps.js';

export interface MapSummary {
  readonly id: number;
  /** In full where its BTF tells it. */
  readonly name: string;
  readonly type: string;
}

/** Maps by their ids; those that are gone are left out. */
export function describeMaps(ids: readonly number[]): MapSummary[] {
  const names = new FullNames();
  return ids.flatMap((id) => {
    using fd = openById('map', id);
    if (fd === undefined) return [];
    const { fullName, type } = describeMap(fd.number, names);
    return [{ id, name: fullName, type }];
  });
}
