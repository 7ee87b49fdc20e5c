import { errnos } from '../linux/syscall-error.js';
import { commands } from '../uapi/bpf.generated.js';
import { Attribute, bpf, bpfError } from './bpf.js';
import type { BpfProgram } from './program.js';

export interface TestRunOptions {
  /** The packet, from its Ethernet header on: at least 14 bytes. */
  readonly data: Uint8Array;
  /** How often the program runs on it, one unless given; what it did to the packet stays for the next time. */
  readonly repeat?: number | undefined;
  /** What the program finds in its context, see `xdpContext`. Since Linux 5.2, for XDP 5.15. */
  readonly context?: Uint8Array | undefined;
}

export interface TestRun {
  /** What the program returned, for XDP the number of a verdict. */
  readonly verdict: number;
  /** The packet afterwards. */
  readonly data: Uint8Array;
  /** Nanoseconds that one run took, on average. */
  readonly duration: number;
  /** The context afterwards, where one was given. */
  readonly context: Uint8Array | undefined;
}

/** How much longer than before a program may make its packet: beyond, the kernel has no room for it either. */
const roomToGrow = 4096;

/**
 * Runs a program that works on packets (XDP, tc, socket filters) on `data`, attached to nothing: BPF_PROG_TEST_RUN,
 * since Linux 4.12. Errors: `SYSCALL` where the kernel takes no such packet or type of program.
 */
export function runProgram(program: BpfProgram, { data, repeat = 1, context }: TestRunOptions): TestRun {
  const output = new Uint8Array(new ArrayBuffer(data.length + roomToGrow));
  // prog_fd 0, retval 4, data_size_in 8, data_size_out 12, data_in 16, data_out 24, repeat 32, duration 36,
  // ctx_size_in 40, ctx_size_out 44, ctx_in 48, ctx_out 56
  const contextAfter = context && new Uint8Array(new ArrayBuffer(context.length));
  const attribute = new Attribute(64)
    .u32(0, program.fd)
    .u32(8, data.length)
    .u32(12, output.length)
    .pointer(16, data)
    .pointer(24, output)
    .u32(32, repeat);
  if (context && contextAfter) {
    attribute.u32(40, context.length).u32(44, context.length).pointer(48, context).pointer(56, contextAfter);
  }
  let result = bpf(commands.prog_test_run, attribute);
  // A signal ends a long run.
  for (let attempt = 1; -result === errnos.EINTR && attempt < mostAttempts; attempt += 1) {
    result = bpf(commands.prog_test_run, attribute.u32(12, output.length));
  }
  if (result < 0) {
    throw bpfError(`run program "${program.name}" (${program.type}) on ${data.length} bytes`, -result, {
      hint: data.length < 14 ? 'A packet begins with its Ethernet header: 14 bytes at least.' : undefined,
    });
  }
  return {
    verdict: attribute.getU32(4),
    data: output.slice(0, attribute.getU32(12)),
    duration: attribute.getU32(36),
    context: contextAfter,
  };
}

const mostAttempts = 10;
