import { readFileSync } from 'node:fs';
import { XdpkitError } from '../errors/error.js';

let cached: number | undefined;

/**
 * How many CPUs the kernel counts as possible: the number of values in a per-CPU map's buffer. A machine that may grow
 * (hot-plug) has more possible CPUs than present ones.
 */
export function possibleCpus(): number {
  cached ??= parseCpuList(readFileSync('/sys/devices/system/cpu/possible', 'utf8')).length;
  return cached;
}

/** The CPUs that run now, by number. */
export function onlineCpus(): number[] {
  return parseCpuList(readFileSync('/sys/devices/system/cpu/online', 'utf8'));
}

/**
 * The CPU numbers of a list such as `0-3`, `0` or `0,2-3` (`Documentation/admin-guide/cputopology.rst`), ascending.
 * The kernel copies per-CPU values by this list in order, one after the other without gaps.
 */
export function parseCpuList(text: string): number[] {
  const trimmed = text.trim();
  if (trimmed === '') return [];
  const cpus = new Set<number>();
  for (const part of trimmed.split(',')) {
    const [, from, to] = /^(\d{1,6})(?:-(\d{1,6}))?$/.exec(part.trim()) ?? [];
    const first = Number(from);
    const last = Number(to ?? from);
    if (from === undefined || last < first) {
      throw new XdpkitError('MALFORMED', `CPU list "${trimmed}": "${part}" is neither a number nor a range`);
    }
    for (let cpu = first; cpu <= last; cpu++) cpus.add(cpu);
  }
  return [...cpus].sort((a, b) => a - b);
}
