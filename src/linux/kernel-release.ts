import { release } from 'node:os';

/** Whether the running kernel is older than a release such as 5.11. */
export function kernelOlderThan(major: number, minor: number): boolean {
  const [runningMajor = 0, runningMinor = 0] = release().split(/[.-]/, 2).map(Number);
  return runningMajor < major || (runningMajor === major && runningMinor < minor);
}
