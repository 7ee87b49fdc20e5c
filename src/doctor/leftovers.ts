import { XdpkitError } from '../errors/error.js';
import { listLabNames } from '../lab/lab-state.js';
import { sweepLabs } from '../lab/remove.js';
import { sweepDeadPins } from '../xdp/own-pins.js';
import type { Finding } from './finding.js';

/** What runs of xdpkit that were cut off have left: removed, and told. */
export function examineLeftovers(): Finding[] {
  return [
    sweep('pins', sweepDeadPins, 'no pin without a device', (paths) => `removed, as their device is gone: ${paths}`),
    sweep(
      'labs',
      sweepLabsIfAny,
      'no lab without a maker',
      (names) => `taken down, as their makers are gone: ${names}`,
    ),
  ];
}

/** A sweep makes the folder that labs are written down in, which a machine without labs need not have. */
function sweepLabsIfAny(): string[] {
  if (listLabNames().length === 0) return [];
  const { removed, failed } = sweepLabs();
  if (failed[0]) throw failed[0].error;
  return removed;
}

function sweep(item: string, clear: () => string[], clean: string, mended: (list: string) => string): Finding {
  const group = 'leftovers';
  try {
    const removed = clear();
    if (removed.length === 0) return { group, item, state: 'ok', found: clean };
    return { group, item, state: 'ok', found: mended(removed.join(', ')), fixed: true };
  } catch (error) {
    return { group, item, state: 'unknown', found: `could not be looked for: ${reasonOf(error)}` };
  }
}

/** Errors of Node's file system functions have a code; anything else is a mistake in the code. */
function reasonOf(error: unknown): string {
  if (error instanceof XdpkitError || (error instanceof Error && 'code' in error)) return error.message;
  throw error;
}
