/** Which processes hold a BPF object open, from /proc/PID/fdinfo. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface HoldingProcess {
  readonly pid: number;
  /** As in /proc/PID/comm: at most 15 bytes. */
  readonly command: string;
}

const fields = { program: 'prog_id', map: 'map_id', link: 'link_id' } as const;

/** Other processes than this one. Those of other users are only seen by root. */
export function listHoldingProcesses(kind: keyof typeof fields, id: number): HoldingProcess[] {
  const line = new RegExp(`^${fields[kind]}:\\s*${id}$`, 'm');
  return numbersIn('/proc').flatMap((pid) => {
    if (pid === process.pid) return [];
    const holds = numbersIn(`/proc/${pid}/fd`).some(
      (fd) =>
        tryRead(() => readlinkSync(`/proc/${pid}/fd/${fd}`))?.startsWith('anon_inode:bpf') &&
        line.test(tryRead(() => readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8')) ?? ''),
    );
    if (!holds) return [];
    return [{ pid, command: tryRead(() => readFileSync(`/proc/${pid}/comm`, 'utf8'))?.trim() ?? '' }];
  });
}

function numbersIn(folder: string): number[] {
  return (tryRead(() => readdirSync(folder)) ?? []).flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []));
}

/** Processes end while they are looked at. */
function tryRead<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
