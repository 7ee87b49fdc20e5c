import { errnos, SyscallError } from '../linux/syscall-error.js';
import { commands } from '../uapi/bpf.generated.js';
import { Attribute, bpf, bpfError } from './bpf.js';
import type { BpfProgram } from './program.js';

export interface TestRunOptions {
  /** The packet, from its Ethernet header on: at least 14 bytes. None for types that do not work on packets. */
  readonly data?: Uint8Array | undefined;
  /**
   * How often the program runs on it, one unless given; what it did to the packet stays for the next time. Types that do
   * not work on packets run once.
   */
  readonly repeat?: number | undefined;
  /** What the program finds in its context, see `xdpContext`. Since Linux 5.2, for XDP 5.15. */
  readonly context?: Uint8Array | undefined;
}

export interface TestRun {
  /** What the program returned, for XDP the number of a verdict. */
  readonly verdict: number;
  /** The packet afterwards. */
  readonly data: Uint8Array;
  /** Nanoseconds that one run took, on average; 0 for types that the kernel does not time. */
  readonly duration: number;
  /** The context afterwards, where one was given. */
  readonly context: Uint8Array | undefined;
}

/** How much longer than before a program may make its packet: beyond, the kernel has no room for it either. */
const roomToGrow = 4096;

/** Of these types the kernel takes a context only, and neither a number of repeats nor a place for results. */
const contextOnly = new Set(['raw_tracepoint', 'syscall']);

/**
 * Runs a program attached to nothing: BPF_PROG_TEST_RUN, since Linux 4.12 for programs that work on packets (XDP, tc,
 * socket filters, cgroup_skb …), later for others (raw_tracepoint 5.10, sk_lookup 5.11, syscall 5.14). Errors: `SYSCALL`
 * where the kernel takes no such packet, `UNSUPPORTED` where it runs no programs of the type.
 */
export function runProgram(program: BpfProgram, { data, repeat = 1, context }: TestRunOptions): TestRun {
  const plain = contextOnly.has(program.type);
  const output = data && new Uint8Array(new ArrayBuffer(data.length + roomToGrow));
  const contextAfter = context && new Uint8Array(new ArrayBuffer(context.length));
  // prog_fd 0, retval 4, data_size_in 8, data_size_out 12, data_in 16, data_out 24, repeat 32, duration 36,
  // ctx_size_in 40, ctx_size_out 44, ctx_in 48, ctx_out 56, flags 64, cpu 68, batch_size 72
  const attribute = new Attribute(64).u32(0, program.fd).u32(32, plain ? 0 : repeat);
  if (data && output) {
    attribute.u32(8, data.length).u32(12, output.length).pointer(16, data).pointer(24, output);
  }
  // A syscall program's context is written back to where it came from.
  const given = context?.slice();
  if (given) attribute.u32(40, given.length).pointer(48, given);
  if (contextAfter && !plain) attribute.u32(44, contextAfter.length).pointer(56, contextAfter);
  mustRun(program, attribute, data?.length ?? 0, () => output && attribute.u32(12, output.length));
  return {
    verdict: attribute.getU32(4),
    data: output?.slice(0, attribute.getU32(12)) ?? new Uint8Array(),
    duration: attribute.getU32(36),
    context: plain ? given : contextAfter,
  };
}

export interface LiveRunOptions {
  /** From the Ethernet header on, behind its metadata. */
  readonly data: Uint8Array;
  /** `struct xdp_md`, see `xdpContext`: it names the device. */
  readonly context: Uint8Array;
  /** Frames in all. */
  readonly repeat: number;
  /** Frames that are in flight at once: 1 to 256; 64 unless given. */
  readonly batchSize?: number | undefined;
}

const liveFrames = 1 << 1;

/**
 * Runs an XDP program on frames that go where its verdicts send them: up the stack of the device in the context, out
 * again, or by a redirect to another. BPF_F_TEST_XDP_LIVE_FRAMES, since Linux 5.18. Gives nanoseconds a frame. A frame
 * that comes back from a device is used again as it is: what was changed in it stays.
 */
export function runLiveFrames(program: BpfProgram, { data, context, repeat, batchSize }: LiveRunOptions): number {
  const attribute = new Attribute(80)
    .u32(0, program.fd)
    .u32(8, data.length)
    .pointer(16, data)
    .u32(32, repeat)
    .u32(40, context.length)
    .pointer(48, context)
    .u32(64, liveFrames)
    .u32(72, batchSize ?? 0);
  mustRun(program, attribute, data.length);
  return attribute.getU32(36);
}

function mustRun(program: BpfProgram, attribute: Attribute, length: number, again?: () => void): void {
  let result = bpf(commands.prog_test_run, attribute);
  // A signal ends a long run.
  for (let attempt = 1; -result === errnos.EINTR && attempt < mostAttempts; attempt += 1) {
    again?.();
    result = bpf(commands.prog_test_run, attribute);
  }
  if (result >= 0) return;
  const tried = `run program "${program.name}" (${program.type})${length > 0 ? ` on ${length} bytes` : ''}`;
  // ENOTSUPP, which is the kernel's own and has no name in user space.
  if (-result === 524) {
    throw new SyscallError(tried, 524, {
      syscall: 'bpf',
      code: 'UNSUPPORTED',
      said: 'the kernel tests no programs of this type',
    });
  }
  throw bpfError(tried, -result, { hint: hintFor(program.type, length) });
}

function hintFor(type: string, length: number): string | undefined {
  if (contextOnly.has(type) || type === 'sk_lookup')
    return length > 0 ? `A ${type} program takes no packet.` : undefined;
  return length < 14 ? 'A packet begins with its Ethernet header: 14 bytes at least.' : undefined;
}

const mostAttempts = 10;
