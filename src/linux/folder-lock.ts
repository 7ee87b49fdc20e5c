/** Folders that processes agree to lock (flock) while they change what is in them. */
import { XdpkitError } from '../errors/error.js';
import { FileDescriptor } from './file-descriptor.js';
import { lastError } from './syscall-error.js';
import { systemCall } from './syscalls.js';

const lockExclusiveNow = 2 | 4;
/** Milliseconds. */
const patience = 10_000;
const betweenTries = 10;

/**
 * Locks the opened folder until the descriptor is closed, which it is when this fails. `deed` says what the other process
 * does meanwhile, as in "making a lab". Errors: FAILED after ten seconds.
 */
export function lockFolder(opened: number, folder: string, deed: string): FileDescriptor {
  const lock = new FileDescriptor(opened, folder);
  for (let waited = 0; systemCall('flock', lock.number, lockExclusiveNow) < 0; waited += betweenTries) {
    const refused = lastError(`lock ${folder}`, { syscall: 'flock' });
    if (refused.errnoName === 'EINTR') continue;
    if (refused.errnoName !== 'EAGAIN' || waited >= patience) {
      lock.close();
      if (refused.errnoName !== 'EAGAIN') throw refused;
      throw new XdpkitError('FAILED', `another process has been ${deed} for ${patience / 1000} s`, {
        cause: refused,
        hint: `\`fuser ${folder}\` names it.`,
      });
    }
    pause(betweenTries);
  }
  return lock;
}

/** Sleeps so many milliseconds, event loop and all: for waits of some milliseconds inside of one synchronous step. */
export function pause(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
