import { statSync } from 'node:fs';
import { Cursor } from '../bytes/cursor.js';
import { XdpkitError } from '../errors/error.js';
import { FileDescriptor } from './file-descriptor.js';
import { NetlinkSocket } from './netlink/socket.js';
import { mustCall, systemCall } from './syscalls.js';

export const newNetworkNamespace = 0x4000_0000;
/** The calling thread's own: threads of one process may be in different namespaces. */
export const ownNamespacePath = '/proc/thread-self/ns/net';

const readOnlyCloseOnExec = 0o2000000;
const currentFolder = -100;
const getNamespaceType = 0xb703;
const socketNetnsCookie = 71;

/**
 * Holds a network namespace open. The kernel keeps it alive until this is closed, with or without a name or process.
 */
export class NetworkNamespace {
  /** Under `/run/netns`, where it was opened or made by that name. */
  readonly name: string | undefined;
  /** Inode in nsfs: what `ls -l /proc/PID/ns/net` shows. A later namespace may get the same one. */
  readonly inode: bigint;
  readonly #descriptor: FileDescriptor;
  #cookie: bigint | undefined;

  constructor(descriptor: FileDescriptor, inode: bigint, name: string | undefined) {
    this.#descriptor = descriptor;
    this.inode = inode;
    this.name = name;
  }

  /** Throws `CLOSED` after `close()`. */
  get fd(): number {
    return this.#descriptor.number;
  }

  /** A number that no other namespace has until the next boot (SO_NETNS_COOKIE); the inode on kernels before 5.14. */
  get cookie(): bigint {
    this.#cookie ??= this.run(readOwnCookie) ?? this.inode;
    return this.#cookie;
  }

  /**
   * Calls `callback` inside the namespace and comes back, whatever happens. Only this thread goes there, and only until
   * `callback` returns, so it must be synchronous: one that returns a promise is refused. Sockets that it opens and
   * children that it spawns belong to the namespace. Needs CAP_SYS_ADMIN.
   */
  run<Result>(callback: () => Result): Result {
    if (this.inode === ownNamespaceInode()) return synchronous(callback());
    using before = openNamespaceFile(ownNamespacePath);
    mustCall('setns', `enter network namespace ${this.name ?? this.inode}`, [this.fd, newNetworkNamespace], {
      capability: 'CAP_SYS_ADMIN',
    });
    try {
      return synchronous(callback());
    } finally {
      mustCall('setns', 'return to the network namespace of before', [before.number, newNetworkNamespace]);
    }
  }

  /** A netlink socket of this namespace, to be closed by the caller. */
  openNetlink(protocol: 'route' | 'generic' = 'route'): NetlinkSocket {
    return this.run(() => NetlinkSocket.open(protocol));
  }

  close(): void {
    this.#descriptor.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** The network namespace that this thread is in. */
export function currentNetns(): NetworkNamespace {
  return holdNamespace(ownNamespacePath, undefined);
}

/** Opens the namespace file at `path`. Throws `SyscallError`, or `NETNS_NOT_FOUND` where it is another kind of file. */
export function holdNamespace(path: string, name: string | undefined): NetworkNamespace {
  const descriptor = openNamespaceFile(path);
  if (systemCall('ioctl', descriptor.number, getNamespaceType) !== newNetworkNamespace) {
    descriptor.close();
    throw new XdpkitError('NETNS_NOT_FOUND', `${path} is no network namespace`);
  }
  const { ino } = statSync(`/proc/self/fd/${descriptor.number}`, { bigint: true });
  return new NetworkNamespace(descriptor, ino, name);
}

function openNamespaceFile(path: string): FileDescriptor {
  const bytes = Buffer.from(`${path}\0`);
  return new FileDescriptor(
    mustCall('openat', `open ${path}`, [currentFolder, bytes, readOnlyCloseOnExec]),
    `namespace ${path}`,
  );
}

function ownNamespaceInode(): bigint {
  return statSync(ownNamespacePath, { bigint: true }).ino;
}

function readOwnCookie(): bigint | undefined {
  const tried = "read the network namespace's cookie";
  using socket = new FileDescriptor(mustCall('socket', tried, [1, 2 | 0o2000000, 0]), 'socket');
  const cookie = new Uint8Array(8);
  const length = Uint8Array.of(cookie.length, 0, 0, 0);
  if (systemCall('getsockopt', socket.number, 1, socketNetnsCookie, cookie, length) < 0) return undefined;
  return new Cursor(cookie, 'namespace cookie').u64();
}

function synchronous<Result>(result: Result): Result {
  if (typeof (result as { then?: unknown } | null | undefined)?.then === 'function') {
    throw new XdpkitError(
      'USAGE',
      'what runs in a network namespace must be synchronous, and this returned a promise',
      {
        hint: 'Open sockets or spawn children in run(), and await what they do outside of it.',
      },
    );
  }
  return result;
}
