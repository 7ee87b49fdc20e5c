import { closeSync, mkdirSync, openSync, readdirSync, statSync, unlinkSync } from 'node:fs';
import { XdpkitError } from '../errors/error.js';
import { FileDescriptor } from './file-descriptor.js';
import { isOnFileSystem, mount, mountFlag, unmount } from './mount.js';
import { changeDevice } from './netlink/route/link.js';
import { NetlinkSocket } from './netlink/socket.js';
import {
  currentNetns,
  holdNamespace,
  type NetworkNamespace,
  newNetworkNamespace,
  ownNamespacePath,
} from './network-namespace.js';
import { isErrno } from './syscall-error.js';
import { mustCall } from './syscalls.js';

/** Network namespaces by name, shared with iproute2: `ip netns list` and `ip netns exec` know them, and the reverse. */
const folder = '/run/netns';
const loopbackIndex = 1;
const lockExclusive = 2;

/** Where the namespace of that name is, or would be, mounted. */
export function netnsPath(name: string): string {
  return `${folder}/${name}`;
}

/**
 * Opens a network namespace by its name under `/run/netns`, by the path of a namespace file or of a process's folder,
 * or by a process id. A name wins over a process id. Throws `NETNS_NOT_FOUND`, with a hint that lists what exists.
 */
export function openNetns(reference: string | number): NetworkNamespace {
  const text = String(reference);
  if (text.includes('/')) return open(/^\/proc\/(\d+|self)\/?$/.test(text) ? `${text}/ns/net` : text, undefined, text);
  if (typeof reference === 'string' && (!/^\d+$/.test(text) || netnsExists(text))) {
    return open(netnsPath(text), text, `named ${text}`);
  }
  return open(`/proc/${text}/ns/net`, undefined, `of process ${text}`);
}

function open(path: string, name: string | undefined, described: string): NetworkNamespace {
  try {
    return holdNamespace(path, name);
  } catch (error) {
    if (!isErrno(error, 'ENOENT', 'ENOTDIR') && !(error instanceof XdpkitError && error.code === 'NETNS_NOT_FOUND')) {
      throw error;
    }
    const names = listNetns();
    throw new XdpkitError('NETNS_NOT_FOUND', `there is no network namespace ${described}`, {
      cause: error,
      hint: `Named namespaces here: ${names.join(', ') || 'none'}; a path (/proc/PID/ns/net) or a process id works too.`,
    });
  }
}

/** The names under `/run/netns`, sorted; also those to which nothing is mounted any more. */
export function listNetns(): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    // iproute2 makes the folder with the first name.
    return [];
  }
}

/** `namespace`: it is there; `file`: only the name's empty file, left by a crash or a vanished mount. */
export function netnsExists(name: string): 'namespace' | 'file' | undefined {
  if (isOnFileSystem(netnsPath(name), 'nsfs')) return 'namespace';
  return statSync(netnsPath(name), { throwIfNoEntry: false }) ? 'file' : undefined;
}

/**
 * Makes a network namespace with a name and its `lo` up, as `ip netns add` does. `beforeNaming` is called when the
 * namespace exists and its name does not yet: what it writes down is true after a crash at any moment.
 * Throws `FAILED` where the name is taken. Needs CAP_SYS_ADMIN.
 */
export function createNetns(name: string, beforeNaming?: (netns: NetworkNamespace) => void): NetworkNamespace {
  using _lock = shareFolder();
  using before = currentNetns();
  mustCall('unshare', `make network namespace ${name}`, [newNetworkNamespace], {
    capability: 'CAP_SYS_ADMIN',
  });
  let made: NetworkNamespace | undefined;
  try {
    made = holdNamespace(ownNamespacePath, name);
    {
      using route = NetlinkSocket.open('route');
      changeDevice(route, loopbackIndex, { up: true });
    }
    beforeNaming?.(made);
    closeSync(openSync(netnsPath(name), 'wx', 0o444));
    try {
      mount({ source: ownNamespacePath, path: netnsPath(name), type: 'none', flags: mountFlag.bind });
    } catch (error) {
      unlinkSync(netnsPath(name));
      throw error;
    }
    return made;
  } catch (error) {
    made?.close();
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') {
      throw new XdpkitError('FAILED', `make network namespace ${name}: the name is taken`, { cause: error });
    }
    throw error;
  } finally {
    mustCall('setns', 'return to the network namespace of before', [before.fd, newNetworkNamespace]);
  }
}

/** Takes the name away; the namespace itself goes when no process, descriptor or mount holds it any more. */
export function deleteNetns(name: string): void {
  try {
    unmount(netnsPath(name));
  } catch (error) {
    // EINVAL: nothing is mounted there, only the file is left.
    if (isErrno(error, 'ENOENT'))
      throw new XdpkitError('NETNS_NOT_FOUND', `there is no network namespace named ${name}`);
    if (!isErrno(error, 'EINVAL')) throw error;
  }
  unlinkSync(netnsPath(name));
}

/**
 * Makes the folder a shared mount, so that names made in one mount namespace show, and go away, in the others. Holds
 * a lock while in use: of two that do it at once, one would hide what the other has mounted.
 */
function shareFolder(): FileDescriptor {
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  const lock = new FileDescriptor(openSync(folder, 'r'), folder);
  try {
    mustCall('flock', `lock ${folder}`, [lock.number, lockExclusive]);
    const share = { source: '', path: folder, type: 'none', flags: mountFlag.shared | mountFlag.recursive };
    try {
      mount(share);
    } catch (error) {
      if (!isErrno(error, 'EINVAL')) throw error;
      mount({ source: folder, path: folder, type: 'none', flags: mountFlag.bind | mountFlag.recursive });
      mount(share);
    }
    return lock;
  } catch (error) {
    lock.close();
    throw error;
  }
}
