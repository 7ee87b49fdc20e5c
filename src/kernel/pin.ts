/** Pins: names on a BPF file system that keep programs, maps and links alive. */
import { existsSync, lstatSync, mkdirSync, readlinkSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { XdpkitError } from '../errors/error.js';
import { FileDescriptor } from '../linux/file-descriptor.js';
import { isOnFileSystem } from '../linux/mount.js';
import { errnos } from '../linux/syscall-error.js';
import { commands } from '../uapi/bpf.generated.js';
import { Attribute, bpf, bpfError } from './bpf.js';

/** xdpkit's own pins live under here. */
export const pinRoot = '/sys/fs/bpf/xdpkit';

/**
 * `what` names the object in errors. Folders on the way are made. Gives what takes the pin, and the folders, back; where
 * it fails none are left. Errors: `PIN_EXISTS`, `NO_BPF_FILE_SYSTEM`, `USAGE` for a name with a dot.
 */
export function pinObject(fd: number, path: string, what: string): () => void {
  const folder = dirname(path);
  const tried = `pin ${what} at ${path}`;
  if (!isOnFileSystem(nearestFolder(folder), 'bpf')) {
    throw new XdpkitError('NO_BPF_FILE_SYSTEM', `${tried}: the path is not on a BPF file system`, {
      hint: 'Mount one: `mount -t bpf -o mode=0700 bpf /sys/fs/bpf` (`xdpkit doctor` does it).',
    });
  }
  const removeFolders = makeFolders(folder, tried);
  if (folder.startsWith(`${pinRoot}/`)) requireOwnFolder(pinRoot, tried);
  // pathname 0, bpf_fd 8
  const result = bpf(commands.obj_pin, new Attribute(16).path(0, path).u32(8, fd));
  if (result < 0) {
    removeFolders();
    throw pinError(-result, path, tried);
  }
  return () => {
    rmSync(path, { force: true });
    removeFolders();
  };
}

function nearestFolder(folder: string): string {
  return existsSync(folder) || dirname(folder) === folder ? folder : nearestFolder(dirname(folder));
}

/** Gives what removes the folders that were made, as far as nobody else uses them by then. */
function makeFolders(folder: string, tried: string): () => void {
  let first: string | undefined;
  try {
    first = mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (cause) {
    if (folder.includes('.')) throw dotError(tried, cause);
    const { code, message } = cause as NodeJS.ErrnoException;
    const refused = code === 'EACCES' || code === 'EPERM' || code === 'EROFS';
    throw new XdpkitError(refused ? 'NOT_PERMITTED' : 'FAILED', `${tried}: its folder cannot be made: ${message}`, {
      cause,
    });
  }
  return () => {
    try {
      for (let at = folder; first !== undefined && at.length >= first.length; at = dirname(at)) rmdirSync(at);
    } catch {
      // Something else was pinned there meanwhile.
    }
  };
}

/**
 * Where everybody may write to the BPF file system, as some mount it, another user could have made the folder first, and
 * take away or exchange what is pinned in it. Errors: `NOT_PERMITTED`.
 */
export function requireOwnFolder(folder: string, tried: string): void {
  const found = lstatSync(folder);
  const own = process.geteuid?.() ?? 0;
  if (found.isDirectory() && found.uid === own) return;
  const what = found.isDirectory()
    ? `belongs to user ${found.uid}, who could exchange what is pinned there`
    : 'is no folder';
  throw new XdpkitError('NOT_PERMITTED', `${tried}: ${folder} ${what}`, {
    hint: 'Look into it and remove it; mount the BPF file system with mode=0700.',
  });
}

function dotError(tried: string, cause: unknown): XdpkitError {
  return new XdpkitError('USAGE', `${tried}: names on a BPF file system must not have a dot in them`, { cause });
}

function pinError(number: number, path: string, tried: string): XdpkitError {
  if (number === errnos.EEXIST) {
    return bpfError(tried, number, { code: 'PIN_EXISTS', said: 'the path is taken', hint: `Remove ${path} first.` });
  }
  const error = bpfError(tried, number);
  return number === errnos.EPERM && basename(path).includes('.') ? dotError(tried, error) : error;
}

export type PinKind = 'program' | 'map' | 'link';

/**
 * Opens what is pinned at `path`; undefined when nothing is there. Errors: `PIN_EXISTS` where something else than a pin,
 * or than a pin of the `kind`, is there.
 */
export function openPinned(path: string, what: string, kind?: PinKind): FileDescriptor | undefined {
  const tried = `open ${what} pinned at ${path}`;
  const result = bpf(commands.obj_get, new Attribute(16).path(0, path));
  if (result < 0) {
    if (-result === errnos.ENOENT || -result === errnos.ENOTDIR) return undefined;
    throw -result === errnos.EACCES && isNoPin(path) ? takenError(tried, 'no pinned object') : bpfError(tried, -result);
  }
  const fd = new FileDescriptor(result, what);
  const found = pinKind(fd.number);
  if (kind === undefined || found === kind) return fd;
  fd.close();
  throw takenError(tried, found === undefined ? 'an object of another kind' : `a ${found}`);
}

function takenError(tried: string, found: string): XdpkitError {
  return new XdpkitError('PIN_EXISTS', `${tried}: what is there is ${found}`);
}

function isNoPin(path: string): boolean {
  try {
    return !isOnFileSystem(path, 'bpf') || statSync(path).isDirectory();
  } catch {
    return false;
  }
}

/** What a descriptor that was opened from a pin stands for; undefined for iterators and the like. */
export function pinKind(fd: number): PinKind | undefined {
  const inode = readlinkSync(`/proc/self/fd/${fd}`);
  if (inode === 'anon_inode:bpf-prog') return 'program';
  if (inode === 'anon_inode:bpf-map') return 'map';
  // Links are `bpf_link` or `bpf-link`, by kernel.
  return /bpf.link/.test(inode) ? 'link' : undefined;
}
