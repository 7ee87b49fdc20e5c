/** The processes of this machine as /proc shows them. They end while they are looked at: then there is nothing to see. */
import { readdirSync, readFileSync } from 'node:fs';

export function listProcesses(): number[] {
  return numbersIn('/proc');
}

/** Its open file descriptors; none where it is not ours to look into. */
export function listDescriptors(pid: number): number[] {
  return numbersIn(`/proc/${pid}/fd`);
}

/** At most 15 bytes; empty for one that has ended. */
export function commandOf(pid: number): string {
  return tryRead(() => readFileSync(`/proc/${pid}/comm`, 'utf8'))?.trim() ?? '';
}

function numbersIn(folder: string): number[] {
  return (tryRead(() => readdirSync(folder)) ?? []).flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []));
}

/** Undefined where it cannot be read any more, or may not be. */
export function tryRead<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
