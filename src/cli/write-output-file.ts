import { writeFileSync } from 'node:fs';
import { XdpkitError } from '../errors/error.js';

/** Writes a file that the user named. Throws `FAILED` where it cannot be written. */
export function writeOutputFile(path: string, contents: string | Uint8Array): void {
  try {
    writeFileSync(path, contents);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new XdpkitError('FAILED', `cannot write ${path}: ${why}`, { cause });
  }
}
