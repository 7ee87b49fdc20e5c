/** RLIMIT_MEMLOCK bounds BPF maps and programs on kernels before 5.11, with a default that is too small for any use. */
import { kernelOlderThan } from './kernel-release.js';
import { systemCall } from './syscalls.js';

const rlimitMemlock = 8;

/** Lifts the limit where the kernel still counts by it; without the privilege the later refusal tells. */
export function liftMemoryLock(): void {
  if (!kernelOlderThan('5.11')) return;
  const unlimited = new BigUint64Array([0xffff_ffff_ffff_ffffn, 0xffff_ffff_ffff_ffffn]);
  systemCall('prlimit64', 0, rlimitMemlock, new Uint8Array(unlimited.buffer), 0);
}
