/** What a measurement is, before and after it was taken. */
import type { Peer } from './peer.js';
import type { RoundsOptions, Spread } from './rounds.js';

/** A limit that the project has set itself. */
export interface Bar {
  readonly at: number;
  /** `ratio`: ours by theirs. */
  readonly unit: 'ratio' | 'ms' | 'MB';
}

export interface Result {
  readonly name: string;
  /** What it is measured against; undefined where the bar is absolute. */
  readonly peer: string | undefined;
  readonly unit: 'ns' | 'µs' | 'ms' | 'MB';
  /** In `unit`, medians. */
  readonly ours: number;
  readonly theirs: number | undefined;
  readonly ratio: Spread | undefined;
  readonly bar: Bar | undefined;
  /** Undefined without a bar. */
  readonly met: boolean | undefined;
}

export interface Skipped {
  readonly name: string;
  readonly skipped: string;
}

export interface BenchContext {
  readonly root: string;
  readonly peer: Peer;
  /** Path of the program that `peer` runs. */
  readonly peerProgram: string;
  /** Path of the compiled `measure.c`. */
  readonly measure: string;
  readonly rounds: RoundsOptions;
  readonly signal: AbortSignal;
  /** Entries of the large hash. */
  readonly manyEntries: number;
}

/** A group shares what is dear to set up. `measure` yields each result as it is there. */
export interface RowGroup {
  /** Names of the rows, as a pattern on the command line picks them. */
  readonly names: readonly string[];
  measure(context: BenchContext, wanted: (name: string) => boolean): AsyncGenerator<Result | Skipped>;
}

const perUnit = { ns: 1, µs: 1e3, ms: 1e6 } as const;

/** From nanoseconds a call. */
export function ratioResult(
  name: string,
  peer: string,
  unit: keyof typeof perUnit,
  comparison: { ours: number; theirs: number; ratio: Spread },
  bar?: number,
): Result {
  const { ours, theirs, ratio } = comparison;
  return {
    name,
    peer,
    unit,
    ours: ours / perUnit[unit],
    theirs: theirs / perUnit[unit],
    ratio,
    bar: bar === undefined ? undefined : { at: bar, unit: 'ratio' },
    met: bar === undefined ? undefined : ratio.median <= bar,
  };
}

export function absoluteResult(name: string, unit: 'ms' | 'MB', value: number, limit?: number): Result {
  const bar = limit === undefined ? undefined : { at: limit, unit };
  const result = { name, unit, ours: value, bar, met: limit === undefined ? undefined : value <= limit };
  return { ...result, peer: undefined, theirs: undefined, ratio: undefined };
}
