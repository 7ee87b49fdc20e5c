/** What links look like in `--json`. Fields are only ever added. */
import type { ListedLink } from '../xdp/list-links.js';

export function linkDocument({ id, type, programId, programName, target, device, pins, processes }: ListedLink) {
  return {
    id,
    type,
    program: { id: programId, name: programName ?? null },
    target:
      target.kind === 'device' ? { ...target, device: device?.device ?? null, netns: device?.netns ?? null } : target,
    pins,
    processes,
  };
}

/** What holds a link, a phrase each. */
export function describeLinkHolders({ pins, processes }: Pick<ListedLink, 'pins' | 'processes'>): string[] {
  return [...pins.map((path) => `pin ${path}`), ...processes.map(({ pid, command }) => `process ${pid} (${command})`)];
}
