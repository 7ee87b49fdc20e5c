import { readFileSync, readlinkSync } from 'node:fs';

/** A process, told apart from later ones with the same id by its start. */
export interface Maker {
  readonly pid: number;
  /** Clock ticks since boot, field 22 of `/proc/PID/stat`. */
  readonly startTime: string;
  /** Process ids and namespaces of another boot mean nothing. */
  readonly bootId: string;
  /** `pid:[4026531836]`: ids count within one such namespace only, and containers may share /run. */
  readonly pidNamespace: string;
}

export function currentBootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

export function thisProcess(): Maker {
  const pidNamespace = currentPidNamespace();
  return { pid: process.pid, startTime: startTimeOf(process.pid) ?? '', bootId: currentBootId(), pidNamespace };
}

/** A maker that cannot be seen from here is taken to be alive. */
export function isAlive({ pid, startTime, bootId, pidNamespace }: Maker): boolean {
  if (bootId !== currentBootId()) return false;
  return pidNamespace !== currentPidNamespace() || startTimeOf(pid) === startTime;
}

function currentPidNamespace(): string {
  return readlinkSync('/proc/self/ns/pid');
}

/** Undefined when there is no such process, or only its zombie. */
function startTimeOf(pid: number): string | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // The command in parentheses may hold blanks and parentheses; the state is the first field behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
}
