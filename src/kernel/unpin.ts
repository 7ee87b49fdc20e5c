import { rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { XdpkitError } from '../errors/error.js';
import type { FileDescriptor } from '../linux/file-descriptor.js';
import { openPinned, type PinKind } from './pin.js';

/**
 * Removes a pin, and gives the descriptor of what it held, which lives at least as long. Errors: `FILE_NOT_FOUND`;
 * `PIN_EXISTS` where something else is there, which stays.
 */
export function unpin(path: string, kind: PinKind): FileDescriptor {
  const fd = openPinned(resolve(path), kind, kind);
  if (fd === undefined) throw new XdpkitError('FILE_NOT_FOUND', `remove the pin ${path}: there is nothing`);
  try {
    rmSync(path);
    return fd;
  } catch (cause) {
    fd.close();
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new XdpkitError('FAILED', `remove the pin ${path} of a ${kind}: ${why}`, { cause });
  }
}
