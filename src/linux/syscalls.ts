import { UnsupportedFeatureError } from '../errors/error.js';
import { addressOf, syscallLong } from './ffi.js';
import { lastError, type SyscallErrorDetail } from './syscall-error.js';

/**
 * System call numbers: [x86-64, arm64]. Sources: Linux `arch/x86/entry/syscalls/syscall_64.tbl` and
 * `include/uapi/asm-generic/unistd.h`.
 */
const table = {
  bind: [49, 200],
  bpf: [321, 280],
  clock_gettime: [228, 113],
  close: [3, 57],
  epoll_create1: [291, 20],
  epoll_ctl: [233, 21],
  eventfd2: [290, 19],
  fcntl: [72, 25],
  flock: [73, 32],
  getsockname: [51, 204],
  getsockopt: [55, 209],
  ioctl: [16, 29],
  mount: [165, 40],
  munmap: [11, 215],
  openat: [257, 56],
  perf_event_open: [298, 241],
  pidfd_open: [434, 434],
  prlimit64: [302, 261],
  read: [0, 63],
  recvfrom: [45, 207],
  recvmsg: [47, 212],
  sendto: [44, 206],
  setns: [308, 268],
  setsockopt: [54, 208],
  socket: [41, 198],
  umount2: [166, 39],
  unshare: [272, 97],
  write: [1, 64],
} as const satisfies Record<string, readonly [x64: number, arm64: number]>;

export type SyscallName = keyof typeof table;

/** A register: a number, or bytes whose address is passed. */
export type Register = number | bigint | Uint8Array;

const column = process.arch === 'x64' ? 0 : process.arch === 'arm64' ? 1 : undefined;

/** The number of a system call on this machine. */
export function syscallNumber(name: SyscallName): number {
  if (column === undefined) {
    throw new UnsupportedFeatureError('architecture', `system call ${name}: xdpkit knows x64 and arm64 only`, {
      hint: `This Node.js was built for ${process.arch}; run xdpkit on an x86-64 or arm64 machine.`,
    });
  }
  return table[name][column];
}

// The compiler may drop a variable after its last use and the collector then its bytes: held here, they stay.
const held: (readonly Register[])[] = [];

/** Makes a system call: its result, −1 and `errno()` on failure. Bytes stay referenced until it has returned. */
export function systemCall(name: SyscallName, ...registers: readonly Register[]): number {
  const values = registers.map((register) => (register instanceof Uint8Array ? addressOf(register) : register));
  held.push(registers);
  const result = syscallLong(syscallNumber(name), ...values);
  held.length = 0;
  return result;
}

/** As `systemCall`, but a failure throws the `SyscallError` of what was `tried`. */
export function mustCall(
  name: SyscallName,
  tried: string,
  registers: readonly Register[],
  detail?: SyscallErrorDetail,
): number {
  const result = systemCall(name, ...registers);
  if (result < 0) throw lastError(tried, { ...detail, syscall: name });
  return result;
}
