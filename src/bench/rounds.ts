/** Measures two ways to do the same in turns, so that what the machine does meanwhile falls on both. */
import { setImmediate } from 'node:timers/promises';

/** Does it `count` times and gives the nanoseconds that took. */
export type Timed = (count: number) => number | Promise<number>;

export interface RoundsOptions {
  readonly rounds: number;
  /** How long a side should be measured in a round; a single call may take longer. */
  readonly millisecondsPerRound: number;
  readonly signal: AbortSignal;
}

export interface Spread {
  readonly median: number;
  /** First and third quartile. */
  readonly low: number;
  readonly high: number;
}

export interface Comparison {
  /** Nanoseconds a call, medians over the rounds. */
  readonly ours: number;
  readonly theirs: number;
  /** Ours by theirs, of each round: slow moments that hit both sides of a round cancel out. */
  readonly ratio: Spread;
  readonly rounds: number;
}

const nanosecondsPerMillisecond = 1e6;

export async function compare(ours: Timed, theirs: Timed, options: RoundsOptions): Promise<Comparison> {
  const { rounds, signal } = options;
  const ourCount = await warmUp(ours, options);
  const theirCount = await warmUp(theirs, options);
  const ourTimes: number[] = [];
  const theirTimes: number[] = [];
  const ratios: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    await breathe(signal);
    // Whoever goes first finds other caches than who goes second: they take turns at that too.
    const oursFirst = round % 2 === 0;
    const before = oursFirst ? 0 : (await theirs(theirCount)) / theirCount;
    const our = (await ours(ourCount)) / ourCount;
    const their = oursFirst ? (await theirs(theirCount)) / theirCount : before;
    ourTimes.push(our);
    theirTimes.push(their);
    ratios.push(our / their);
  }
  return { ours: spreadOf(ourTimes).median, theirs: spreadOf(theirTimes).median, ratio: spreadOf(ratios), rounds };
}

/** What V8 compiles late is compiled within so many rounds' time. */
const roundsOfWarmUp = 10;

/** Calls until the code is warm and a round is long enough to be measured: how many calls that takes. */
async function warmUp(timed: Timed, { millisecondsPerRound, signal }: RoundsOptions): Promise<number> {
  const wanted = millisecondsPerRound * nanosecondsPerMillisecond;
  await timed(1);
  let spent = 0;
  for (let count = 1; ; ) {
    await breathe(signal);
    const took = await timed(count);
    spent += took;
    const fitting = (count * wanted) / Math.max(1, took);
    if (spent >= wanted * roundsOfWarmUp) return Math.max(1, Math.round(fitting));
    count = Math.max(1, Math.ceil(Math.min(count * 10, fitting * 0.9)));
  }
}

/** Lets a Ctrl-C through that came while a side was measured. */
async function breathe(signal: AbortSignal): Promise<void> {
  await setImmediate();
  signal.throwIfAborted();
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (part: number): number => {
    const position = (sorted.length - 1) * part;
    const below = sorted[Math.floor(position)] ?? Number.NaN;
    const above = sorted[Math.ceil(position)] ?? below;
    return below + (above - below) * (position % 1);
  };
  return { median: at(0.5), low: at(0.25), high: at(0.75) };
}

/** For sides that run in this process and don't wait. */
export function timed(call: (count: number) => void): Timed {
  return (count) => {
    const start = process.hrtime.bigint();
    call(count);
    return Number(process.hrtime.bigint() - start);
  };
}
