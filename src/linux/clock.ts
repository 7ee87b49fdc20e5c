import { Cursor } from '../bytes/cursor.js';
import { mustCall } from './syscalls.js';

/** Linux `include/uapi/linux/time.h`. */
const clocks = { realTime: 0, sinceBoot: 7 } as const;

/** Nanoseconds since 1970 by the clock that the kernel stamps packets with. */
export function realTime(): bigint {
  return read('realTime');
}

let keptBoot: number | undefined;
/** Milliseconds: two clocks that are read one after the other differ by less, unless somebody sets the time. */
const reading = 100;

/**
 * When the machine was started, by its clock: milliseconds since 1970. The same at every call, until somebody sets the
 * time.
 */
export function bootTime(): number {
  const found = Number((realTime() - read('sinceBoot')) / 1_000_000n);
  if (keptBoot === undefined || Math.abs(found - keptBoot) > reading) keptBoot = found;
  return keptBoot;
}

function read(clock: keyof typeof clocks): bigint {
  const bytes = new Uint8Array(16);
  mustCall('clock_gettime', 'read the clock', [clocks[clock], bytes]);
  const cursor = new Cursor(bytes, 'clock');
  return cursor.u64() * 1_000_000_000n + cursor.u64();
}
