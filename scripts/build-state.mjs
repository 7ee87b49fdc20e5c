/** Whether node_modules and dist are as new as what they are made from. Only stat calls: the launcher asks at every start. */
import { mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..');

const lockOfModules = join(root, 'node_modules/.package-lock.json');
const stamp = join(root, 'dist/.built');
const withObjects = 'with objects\n';

const examples = join(root, 'examples');
const sources = ['src', 'examples', 'scripts/build.mjs', 'scripts/bundle.mjs', 'package.json', 'tsconfig.json'];

export function modulesAreStale() {
  const installed = modificationTime(lockOfModules);
  return installed === undefined || installed < (modificationTime(join(root, 'package-lock.json')) ?? 0);
}

/** With `objects`, a build that had to leave out the BPF objects is stale too. */
export function buildIsStale({ objects }) {
  const built = modificationTime(stamp);
  if (built === undefined || modulesAreStale()) return true;
  if (objects && readFileSync(stamp, 'utf8') !== withObjects) return true;
  return sources.some((source) => isNewer(join(root, source), built));
}

/**
 * Marks dist as built from the sources as they were at `startedAt` (milliseconds), so that what was saved while the
 * build ran counts as newer.
 */
export function markBuilt(startedAt, { objects }) {
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, objects ? withObjects : 'without objects\n');
  utimesSync(stamp, startedAt / 1000, startedAt / 1000);
}

/**
 * Folders count by their own time too: it changes when a file in them is removed or renamed. Not those of examples, where
 * `xdpkit build` puts objects: the next command would build everything anew for them.
 */
function isNewer(path, than) {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return false;
  if (!stats.isDirectory()) return stats.mtimeMs > than && !path.endsWith('.bpf.o');
  if (stats.mtimeMs > than && !path.startsWith(examples)) return true;
  return readdirSync(path).some((name) => isNewer(join(path, name), than));
}

function modificationTime(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs;
}
