/** Pins on every BPF file system that some process has mounted: each is looked through once, by whatever way leads there. */
import { readFileSync, readlinkSync, statSync } from 'node:fs';
import { listPinsUnder, type Pin } from '../kernel/pin-index.js';
import { listMounts, parseMountInfo } from '../linux/mount.js';
import { listProcesses, tryRead } from '../linux/processes.js';

export interface FoundPin extends Pin {
  readonly mountNamespaceOf: number | undefined;
}

export function listAllPins(): FoundPin[] {
  const seen = new Set<number>();
  const own = listMounts().filter(({ type }) => type === 'bpf');
  const pins = own.flatMap(({ path }) => pinsAt(path, undefined, seen));
  return [...pins, ...elsewhere().flatMap(({ path, pid }) => pinsAt(path, pid, seen))];
}

function pinsAt(path: string, pid: number | undefined, seen: Set<number>): FoundPin[] {
  const { dev } = statSync(path, { throwIfNoEntry: false }) ?? {};
  // One file system may be mounted in several places.
  if (dev === undefined || seen.has(dev)) return [];
  seen.add(dev);
  return listPinsUnder([path]).map((pin) => ({ ...pin, mountNamespaceOf: pid }));
}

/** In other mount namespaces, by the root folder of a process there. */
function elsewhere(): { readonly path: string; readonly pid: number }[] {
  const namespaces = new Map<string, number>();
  for (const pid of listProcesses()) {
    const namespace = tryRead(() => readlinkSync(`/proc/${pid}/ns/mnt`));
    if (namespace !== undefined && !namespaces.has(namespace)) namespaces.set(namespace, pid);
  }
  const own = tryRead(() => readlinkSync('/proc/self/ns/mnt'));
  return [...namespaces].flatMap(([namespace, pid]) => {
    if (namespace === own) return [];
    const mounts = parseMountInfo(tryRead(() => readFileSync(`/proc/${pid}/mountinfo`, 'utf8')) ?? '');
    return mounts.flatMap(({ type, path }) => (type === 'bpf' ? [{ path: `/proc/${pid}/root${path}`, pid }] : []));
  });
}
