import { constants } from 'node:os';
import type { ErrorCode } from '../errors/codes.js';
import { XdpkitError } from '../errors/error.js';
import { describeErrno, errno } from './ffi.js';

/** Numbers that the kernel answers with although no header for programs has them (`include/linux/errno.h`). */
const kernelOnly: ReadonlyMap<number, { name: string; words: string }> = new Map([
  [512, { name: 'ERESTARTSYS', words: 'Interrupted, to be restarted' }],
  [517, { name: 'EPROBE_DEFER', words: 'Driver asks for a later probe' }],
  [524, { name: 'ENOTSUPP', words: 'Operation not supported' }],
]);

const names: ReadonlyMap<number, string> = new Map(
  // Two names may share a number; these two are the second ones.
  Object.entries(constants.errno)
    .filter(([name]) => name !== 'EWOULDBLOCK' && name !== 'ENOTSUP')
    .map(([name, number]) => [number, name]),
);

/** The number of a name such as `ENODEV` on this machine. */
export const errnos: Readonly<typeof constants.errno> = constants.errno;

/** `ENODEV` for 19; `errno 9999` for a number without a name. */
export function errnoName(number: number): string {
  return kernelOnly.get(number)?.name ?? names.get(number) ?? `errno ${number}`;
}

export interface SyscallErrorDetail {
  /** `NOT_PERMITTED` for EPERM and EACCES, else `SYSCALL`, unless given. */
  code?: ErrorCode | undefined;
  hint?: string | undefined;
  /** The capability that it takes (`CAP_NET_ADMIN`): with EPERM and EACCES it becomes the hint. */
  capability?: string | undefined;
  cause?: unknown;
  log?: string | undefined;
  /** The kernel's own text beyond the number: netlink's extended acknowledgement, a driver's reason. */
  said?: string | undefined;
  /** The system call's name, `bpf`, `setns`. */
  syscall?: string | undefined;
}

/**
 * The kernel refused a system call. The message reads `what was tried: words (ENAME)`, with the kernel's own text in
 * place of the words where it gave one.
 */
export class SyscallError extends XdpkitError {
  readonly errno: number;
  readonly errnoName: string;
  readonly syscall: string | undefined;
  /** The kernel's own text, where it gave one. */
  readonly said: string | undefined;

  constructor(tried: string, number: number, detail: SyscallErrorDetail = {}) {
    const name = errnoName(number);
    const words = kernelOnly.get(number)?.words ?? describeErrno(number);
    const reason = detail.said ? `${detail.said} (${words}, ${name})` : `${words} (${name})`;
    super(detail.code ?? codeOf(name), `${tried}: ${reason}`, { ...detail, hint: hintOf(name, detail) });
    this.errno = number;
    this.errnoName = name;
    this.syscall = detail.syscall;
    this.said = detail.said || undefined;
  }

  override get details(): Readonly<Record<string, unknown>> {
    return { errno: this.errnoName, syscall: this.syscall, said: this.said };
  }
}

function codeOf(name: string): ErrorCode {
  return name === 'EPERM' || name === 'EACCES' ? 'NOT_PERMITTED' : 'SYSCALL';
}

function hintOf(name: string, { capability, hint }: SyscallErrorDetail): string | undefined {
  if (capability === undefined || codeOf(name) !== 'NOT_PERMITTED') return hint;
  return `This needs ${capability}: run it as root.`;
}

/** The error of the system call that has just failed on this thread. */
export function lastError(tried: string, detail?: SyscallErrorDetail): SyscallError {
  return new SyscallError(tried, errno(), detail);
}

/** Whether `error` is a `SyscallError` with one of the names (`'ENOENT'`). */
export function isErrno(error: unknown, ...anyOf: readonly string[]): error is SyscallError {
  return error instanceof SyscallError && anyOf.includes(error.errnoName);
}
