import { release } from 'node:os';

/** Whether the running kernel is older than the release `5.11`. */
export function kernelOlderThan(than: string): boolean {
  return isOlderRelease(release(), than);
}

/** Whether a release as `uname -r` gives it (`5.4.0-generic`) is older than `5.11`. */
export function isOlderRelease(one: string, than: string): boolean {
  const [major = 0, minor = 0] = one.split(/[.-]/).map(Number);
  const [thanMajor = 0, thanMinor = 0] = than.split('.').map(Number);
  return major < thanMajor || (major === thanMajor && minor < thanMinor);
}
