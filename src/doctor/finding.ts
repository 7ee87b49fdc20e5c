/** What `xdpkit doctor` finds out about a machine. */

export const groups = [
  'system',
  'privileges',
  'kernel settings',
  'file systems',
  'kernel features',
  'compiler',
  'leftovers',
] as const;

export type FindingGroup = (typeof groups)[number];

export interface Finding {
  readonly group: FindingGroup;
  readonly item: string;
  /** `degraded`: it works, but not in full; `unknown`: it could not be found out, `found` says why. */
  readonly state: 'ok' | 'degraded' | 'missing' | 'unknown';
  /** What was found, as a part of a sentence. */
  readonly found: string;
  /** What is lost without it. */
  readonly lost?: string | undefined;
  /** What to do. */
  readonly hint?: string | undefined;
  /** True where the examination itself has mended it; `found` says what it did. */
  readonly fixed?: true | undefined;
  /** True where building, loading and attaching XDP programs takes it. */
  readonly essential?: true | undefined;
}
