import { accessSync, constants, readdirSync } from 'node:fs';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import { XdpkitError } from '../errors/error.js';

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The path of the clang to use: `wanted` (a name or a path) if given, else what the variable `CLANG` names, else `clang`
 * in PATH, else the newest `clang-NN` there, as Debian installs several versions side by side.
 * Throws TOOL_MISSING when there is none.
 */
export function findClang(wanted: string | undefined, environment: Environment): string {
  const name = wanted ?? (environment.CLANG || undefined);
  const folders = (environment.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  const found = name === undefined ? (inPath('clang', folders) ?? newestVersioned(folders)) : locate(name, folders);
  if (found !== undefined) return found;
  const problem =
    name === undefined ? 'clang is not installed' : `the clang that was asked for, '${name}', does not exist`;
  const hint =
    name === undefined || wanted === undefined
      ? 'install it with `apt install clang`, or name one in the environment variable CLANG'
      : 'install it with `apt install clang`, or name another one';
  throw new XdpkitError('TOOL_MISSING', `${problem}, and BPF C is compiled by it`, { hint });
}

function locate(name: string, folders: readonly string[]): string | undefined {
  if (!name.includes('/')) return inPath(name, folders);
  const path = isAbsolute(name) ? name : resolve(name);
  return isExecutable(path) ? path : undefined;
}

function inPath(name: string, folders: readonly string[]): string | undefined {
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function newestVersioned(folders: readonly string[]): string | undefined {
  const candidates = folders.flatMap((folder) =>
    entriesOf(folder).flatMap((entry) => {
      const version = /^clang-(\d+)$/.exec(entry)?.[1];
      return version === undefined ? [] : [{ path: join(folder, entry), version: Number(version) }];
    }),
  );
  candidates.sort((a, b) => b.version - a.version);
  return candidates.map(({ path }) => path).find(isExecutable);
}

/** PATH may name folders that do not exist or cannot be read; a shell passes over them too. */
function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
