/** A kernel feature as a value: what it is called, which release brought it, and whether the running kernel has it. */
import { release } from 'node:os';
import { XdpkitError } from '../errors/error.js';
import type { Capability } from '../linux/capabilities.js';
import { kernelOlderThan } from '../linux/kernel-release.js';
import { errnoName, errnos } from '../linux/syscall-error.js';
import { capabilityName, diagnosePermission } from './permission.js';

export type FeatureState =
  | { readonly available: true }
  | {
      readonly available: false;
      /**
       * `absent`: the kernel does not know it; `privileges`: the process may not use it, so it is unknown whether the
       * kernel has it; `refused`: the kernel forbids it to a process that has every privilege.
       */
      readonly because: 'absent' | 'privileges' | 'refused';
      /** What the kernel answered and why, as a part of a sentence. */
      readonly reason: string;
    };

export interface KernelFeature {
  readonly name: string;
  /** The release that brought it, `5.9`. */
  readonly since: string;
  /** What it is for. */
  readonly what: string;
  /** Tries it in the kernel, once a process; leaves nothing behind and never throws. */
  probe(): FeatureState;
}

interface FeatureDefinition {
  readonly name: string;
  readonly since: string;
  readonly what: string;
  readonly needs: readonly Capability[];
  /** Does the real thing: 0 or more where it worked, the negative errno, or why it could not be tried. */
  readonly attempt: () => number | FeatureState;
}

export function defineFeature({ name, since, what, needs, attempt }: FeatureDefinition): KernelFeature {
  let known: FeatureState | undefined;
  return {
    name,
    since,
    what,
    probe() {
      known ??= probeOnce({ since, needs, attempt });
      return known;
    },
  };
}

function probeOnce(definition: Pick<FeatureDefinition, 'since' | 'needs' | 'attempt'>): FeatureState {
  try {
    const result = definition.attempt();
    if (typeof result !== 'number') return result;
    return result >= 0 ? { available: true } : explain(-result, definition);
  } catch (error) {
    if (!(error instanceof XdpkitError)) throw error;
    const because = error.code === 'NOT_PERMITTED' ? 'privileges' : 'absent';
    return { available: false, because, reason: error.message };
  }
}

/** What kernels answer that do not know a command, type or flag; 524 is ENOTSUPP. */
const absence: ReadonlySet<number> = new Set([errnos.EINVAL, errnos.ENOSYS, errnos.EOPNOTSUPP, errnos.E2BIG, 524]);

function explain(number: number, { since, needs }: Pick<FeatureDefinition, 'since' | 'needs'>): FeatureState {
  const answer = errnoName(number);
  if (number === errnos.EPERM || number === errnos.EACCES) {
    const cause = diagnosePermission(needs)?.cause;
    if (cause !== undefined) return { available: false, because: 'privileges', reason: cause };
    const held = needs.map(capabilityName).join(' and ');
    const reason = `the kernel answers ${answer} although the process has all privileges for it (${held})`;
    return { available: false, because: 'refused', reason };
  }
  if (!absence.has(number)) return { available: false, because: 'refused', reason: `the kernel answers ${answer}` };
  return { available: false, because: 'absent', reason: absenceReason(since, answer) };
}

function absenceReason(since: string, answer: string): string {
  return kernelOlderThan(since)
    ? `Linux ${since} brought it, this is ${release()}`
    : `the kernel answers ${answer}; it may have been built without it`;
}
