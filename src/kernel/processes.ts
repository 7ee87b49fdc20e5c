/** Which processes hold a BPF object open, from /proc/PID/fdinfo. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface HoldingProcess {
  readonly pid: number;
  /** As in /proc/PID/comm: at most 15 bytes. */
  readonly command: string;
}

const fields = { program: 'prog_id', map: 'map_id', link: 'link_id', BTF: 'btf_id' } as const;

/** Other processes than this one. Those of other users are only seen by root. */
export function listHoldingProcesses(kind: keyof typeof fields, id: number): readonly HoldingProcess[] {
  return indexHoldingProcesses(kind).get(id) ?? [];
}

/** By the id of what they hold: one walk over all of /proc for many objects. */
export function indexHoldingProcesses(kind: keyof typeof fields): ReadonlyMap<number, readonly HoldingProcess[]> {
  const line = new RegExp(`^${fields[kind]}:\\s*(\\d+)$`, 'm');
  const index = new Map<number, HoldingProcess[]>();
  for (const pid of numbersIn('/proc')) {
    if (pid === process.pid) continue;
    const ids = new Set(
      numbersIn(`/proc/${pid}/fd`).flatMap((fd) => {
        const target = tryRead(() => readlinkSync(`/proc/${pid}/fd/${fd}`));
        if (!/^anon_inode:(bpf|btf)/.test(target ?? '')) return [];
        const id = line.exec(tryRead(() => readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8')) ?? '')?.[1];
        return id === undefined ? [] : [Number(id)];
      }),
    );
    if (ids.size === 0) continue;
    const command = tryRead(() => readFileSync(`/proc/${pid}/comm`, 'utf8'))?.trim() ?? '';
    for (const id of ids) index.set(id, [...(index.get(id) ?? []), { pid, command }]);
  }
  return index;
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
