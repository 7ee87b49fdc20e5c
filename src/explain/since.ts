/** Which release brought a helper, a type of maps or programs, or a place to attach to. */
import { attachTypes, helpers, mapTypes, programTypes } from '../uapi/bpf.generated.js';
import {
  attachTypeReleases,
  helperReleases,
  mapTypeReleases,
  programTypeReleases,
  type ReleaseRow,
} from '../uapi/releases.generated.js';

export interface Since {
  /** `5.18`. */
  readonly release: string;
  /** An earlier release may have brought it. */
  readonly bound: boolean;
}

const tables = {
  helper: { numbers: helpers, releases: helperReleases },
  map: { numbers: mapTypes, releases: mapTypeReleases },
  program: { numbers: programTypes, releases: programTypeReleases },
  attach: { numbers: attachTypes, releases: attachTypeReleases },
} as const;

/** `name`: a kernel name, in lower case and without prefix; it must be one that `uapi` has. */
export function sinceOf(table: keyof typeof tables, name: string): Since {
  const { numbers, releases } = tables[table];
  const number = (numbers as Readonly<Record<string, number>>)[name] ?? Number.POSITIVE_INFINITY;
  const row = (releases as readonly ReleaseRow[]).find(({ last }) => number <= last);
  if (row === undefined) throw new RangeError(`no release is known of ${table} "${name}"`);
  return { release: row.release, bound: row.bound === true };
}

/** `Linux 5.18`, `Linux 6.12 or before`. */
export function sinceText({ release, bound }: Since): string {
  return `Linux ${release}${bound ? ' or before' : ''}`;
}
