import type { Degradation } from '../kernel/degradation.js';
import type { Output } from './output.js';

/** What a load did without: all of it with --verbose, and in any case that the kernel took no types. */
export function reportDegraded(
  output: Pick<Output, 'verbose' | 'note' | 'warn'>,
  degraded: readonly Degradation[],
): void {
  for (const { name, what, why, since } of degraded) {
    const text = `${what}: ${why}${since === undefined ? '' : ` (not needed since Linux ${since})`}`;
    if (name === 'btf') output.warn(text);
    else if (output.verbose) output.note(text);
  }
}
