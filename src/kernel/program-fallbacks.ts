/** Programs as an older kernel takes them. */
import { hostIsLittleEndian } from '../bytes/byte-order.js';
import type { LinkedProgram } from '../object/link.js';
import { withOldProbeReads } from '../object/old-helpers.js';
import type { Fallbacks } from './load-features.js';

export interface AdaptedProgram {
  readonly code: LinkedProgram;
  /** Whether the kernel is told a name, and what the program will be attached to. */
  readonly named: boolean;
  readonly attachTyped: boolean;
}

export function adaptProgram(linked: LinkedProgram, fallbacks: Fallbacks): AdaptedProgram {
  const reads = fallbacks.mayLack('probeReadKernel') ? withOldProbeReads(linked.code, hostIsLittleEndian) : undefined;
  const code = reads && fallbacks.lacks('probeReadKernel') ? { ...linked, code: reads } : linked;
  return { code, named: !fallbacks.lacks('objectNames'), attachTyped: !fallbacks.lacks('expectedAttachType') };
}
