/** Which pins hold which objects: every BPF file system that is mounted here is walked once. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { listMounts } from '../linux/mount.js';
import { readLinkInfo, readMapInfo, readProgramInfo } from './info.js';
import { openPinned, type PinKind, pinKind } from './pin.js';

export interface Pin {
  readonly path: string;
  readonly kind: PinKind;
  readonly id: number;
}

/** Far more than any host has; a bound, since folders on a BPF file system may be made by anyone who is root. */
const mostPins = 20_000;

export function listPins(): Pin[] {
  return listPinsUnder(listMounts().flatMap(({ type, path }) => (type === 'bpf' ? [path] : [])));
}

/** What is pinned in these folders, and in those within them. */
export function listPinsUnder(roots: readonly string[]): Pin[] {
  const folders = [...roots];
  const pins: Pin[] = [];
  for (let folder = folders.pop(); folder !== undefined && pins.length < mostPins; folder = folders.pop()) {
    for (const entry of entriesOf(folder)) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) folders.push(path);
      else if (entry.isFile()) {
        const pin = identify(path);
        if (pin) pins.push(pin);
      }
    }
  }
  return pins.sort((a, b) => (a.path < b.path ? -1 : 1));
}

function entriesOf(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    // It went away, or is not ours to read: then it holds nothing that we could name.
    return [];
  }
}

const readId = { program: readProgramInfo, map: readMapInfo, link: readLinkInfo };

function identify(path: string): Pin | undefined {
  try {
    using fd = openPinned(path, 'pin');
    if (fd === undefined) return undefined;
    const kind = pinKind(fd.number);
    return kind && { path, kind, id: readId[kind](fd.number).id };
  } catch {
    // Iterators and debug files are no pins that could be opened so.
    return undefined;
  }
}

/** Where objects of a kind are pinned, by id. */
export function pinPathsOf(kind: PinKind): ReadonlyMap<number, readonly string[]> {
  const paths = new Map<number, string[]>();
  for (const pin of listPins()) {
    if (pin.kind === kind) paths.set(pin.id, [...(paths.get(pin.id) ?? []), pin.path]);
  }
  return paths;
}
