/** RLIMIT_MEMLOCK bounds BPF maps and programs on kernels before 5.11, with a default that is too small for any use. */
import { release } from 'node:os';
import { systemCall } from './syscalls.js';

const rlimitMemlock = 8;

/** Whether the running kernel is older than a release such as 5.11. */
export function kernelOlderThan(major: number, minor: number): boolean {
  const [runningMajor = 0, runningMinor = 0] = release().split(/[.-]/, 2).map(Number);
  return runningMajor < major || (runningMajor === major && runningMinor < minor);
}

/** Lifts the limit where the kernel still counts by it; without the privilege the later refusal tells. */
export function liftMemoryLock(): void {
  if (!kernelOlderThan(5, 11)) return;
  const unlimited = new BigUint64Array([0xffff_ffff_ffff_ffffn, 0xffff_ffff_ffff_ffffn]);
  systemCall('prlimit64', 0, rlimitMemlock, new Uint8Array(unlimited.buffer), 0);
}
