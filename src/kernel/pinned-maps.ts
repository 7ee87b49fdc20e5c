/** Maps that an object wants pinned by name: taken from their pin where one is there, else made and pinned. */
import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { MapSpec } from '../object/spec.js';
import { readMapInfo } from './info.js';
import { readKernelBtf } from './kernel-btf.js';
import type { BpfMap } from './map.js';
import { adoptMap, type CreateMapOptions, createMap, openMap, pinMismatch, shapeDifferences } from './map-create.js';
import { type Migration, migrateEntries } from './migrate-map.js';
import { openPinned, pinObject } from './pin.js';

/**
 * Where a pinned map has another shape than the object asks for: `fail`; `recreate` it, empty; `migrate` what it holds,
 * field by field, to a new one.
 */
export type PinMismatch = 'fail' | 'recreate' | 'migrate';

export interface PinnedMap {
  readonly map: BpfMap;
  readonly isNew: boolean;
  /**
   * Done once all else has succeeded, so that little is written to the old map in between: what is to be kept is copied,
   * and the new map takes the place of the pinned one in one step.
   */
  readonly commit?: () => Migration | undefined;
  /** Takes back what was pinned or replaced. */
  readonly undo?: () => void;
  /** The map that was pinned before, for `undo`. */
  readonly before?: Disposable | undefined;
}

export interface PinOptions {
  readonly folder: string;
  readonly mismatch: PinMismatch;
}

export function createOrOpenMap(spec: MapSpec, create: CreateMapOptions, { folder, mismatch }: PinOptions): PinnedMap {
  if (spec.pinning === 'none') return { map: createMap(spec, create), isNew: true };
  const path = join(folder, spec.name);
  const what = `map "${spec.name}"`;
  const pinned = openPinned(path, what, 'map');
  if (pinned === undefined) {
    const map = createMap(spec, create);
    return { map, isNew: true, undo: disposingOnError(map, () => pinObject(map.fd, path, what)) };
  }
  try {
    const differences = shapeDifferences(spec, readMapInfo(pinned.number), create.btf);
    if (differences.length === 0) return { map: adoptMap(pinned, spec, create.btf), isNew: false };
    if (mismatch === 'fail') throw pinMismatch(spec, path, differences);
  } catch (error) {
    pinned.close();
    throw error;
  }
  const before = openMap(pinned);
  const map = disposingOnError(before, () => createMap(spec, create));
  let replaced = false;
  return {
    map,
    isNew: true,
    before,
    commit() {
      const pin = `${what} pinned at ${path}`;
      const migration = mismatch === 'migrate' ? migrate(before, map, spec, create, pin) : undefined;
      replacePin(map.fd, path, what);
      replaced = true;
      return migration;
    },
    undo() {
      if (replaced) replacePin(before.fd, path, what);
    },
  };
}

function migrate(before: BpfMap, map: BpfMap, spec: MapSpec, { btf }: CreateMapOptions, what: string): Migration {
  const info = before.info();
  const running = readKernelBtf(info.btfId);
  const found = (type: number) => (running !== undefined && type !== 0 ? { btf: running, type } : undefined);
  const wanted = (type: number | undefined) => (btf !== undefined && type ? { btf, type } : undefined);
  return migrateEntries(
    { map: before, key: found(info.keyType), value: found(info.valueType) },
    { map, key: wanted(spec.keyType), value: wanted(spec.valueType) },
    what,
  );
}

/** In one step: whoever opens the path meanwhile gets the one or the other. */
function replacePin(fd: number, path: string, what: string): void {
  removeLeftBeside(path);
  const beside = `${path}${besidePart}${process.pid}`;
  pinObject(fd, beside, what);
  try {
    renameSync(beside, path);
  } catch (error) {
    rmSync(beside, { force: true });
    throw error;
  }
}

const besidePart = '_xdpkit';

/** What a process pinned that died before it could rename it: it holds a map that nobody else has. */
function removeLeftBeside(path: string): void {
  const [folder, begins] = [dirname(path), `${basename(path)}${besidePart}`];
  for (const name of readdirSync(folder)) {
    if (!name.startsWith(begins)) continue;
    const pid = name.slice(begins.length);
    if (/^\d+$/.test(pid) && !existsSync(`/proc/${pid}`)) rmSync(join(folder, name), { force: true });
  }
}

function disposingOnError<Result>(resource: Disposable, run: () => Result): Result {
  try {
    return run();
  } catch (error) {
    resource[Symbol.dispose]();
    throw error;
  }
}
