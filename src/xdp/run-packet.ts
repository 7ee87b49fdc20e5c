/** A packet through a program that is attached to nothing. */
import { XdpkitError } from '../errors/error.js';
import type { BpfProgram } from '../kernel/program.js';
import { runProgram, type TestRun } from '../kernel/test-run.js';
import { metadataLengthOf, xdpContext } from '../kernel/xdp-context.js';
import { kernelOlderThan } from '../linux/kernel-release.js';
import { isErrno } from '../linux/syscall-error.js';
import { type Verdict, verdictName } from '../packet/verdict.js';
import { openDevice } from './device.js';

export interface PacketRunOptions {
  /** From its Ethernet header on. */
  readonly packet: Uint8Array;
  readonly repeat?: number | undefined;
  /** For XDP: the device that the packet seems to come from, in this network namespace or `netns`; `lo` unless given. */
  readonly device?: string | undefined;
  readonly netns?: string | undefined;
  /** For XDP: the device's receive queue; 0 unless given. */
  readonly queue?: number | undefined;
  /** For XDP: what stands before the packet, as an earlier program or the device's driver leaves it. */
  readonly metadata?: Uint8Array | undefined;
}

export interface PacketRun {
  /** What the program returned. */
  readonly returned: number;
  /** Its name, for an XDP program that returned one. */
  readonly verdict: Verdict | undefined;
  /** Nanoseconds, the average of all repeats. */
  readonly duration: number;
  readonly packet: Uint8Array;
  readonly metadata: Uint8Array;
}

/** Errors: `DEVICE_NOT_FOUND`, `UNSUPPORTED`, `USAGE`, `SYSCALL` where the kernel takes no such packet or program. */
export function runPacket(program: BpfProgram, options: PacketRunOptions): PacketRun {
  const { packet, repeat, metadata = new Uint8Array() } = options;
  if (program.type !== 'xdp') {
    refuseContext(options, 'USAGE', `program "${program.name}" is of type ${program.type}, not xdp, and`);
    return runOf(program, runProgram(program, { data: packet, repeat }));
  }
  if (kernelOlderThan('5.15')) {
    refuseContext(options, 'UNSUPPORTED', 'before Linux 5.15 an XDP program that is tested');
    return runOf(program, runProgram(program, { data: packet, repeat }));
  }
  if (metadata.length % 4 !== 0 || metadata.length > mostMetadata) {
    throw new XdpkitError(
      'USAGE',
      `${metadata.length} bytes of metadata: it takes a multiple of 4, at most ${mostMetadata}`,
    );
  }
  const data = new Uint8Array([...metadata, ...packet]);
  const run = (ingressIfindex: number): PacketRun => {
    const fields = { metadataLength: metadata.length, ingressIfindex, rxQueueIndex: options.queue ?? 0 };
    return runOf(program, runProgram(program, { data, repeat, context: xdpContext(fields, data.length) }));
  };
  if (options.device === undefined) {
    if (!options.queue) return run(0);
    throw new XdpkitError('USAGE', 'a receive queue is one of a device: name that too');
  }
  using device = openDevice({ device: options.device, netns: options.netns });
  try {
    return device.run(() => run(device.ifindex));
  } catch (cause) {
    if (!options.queue || !isErrno(cause, 'EINVAL')) throw cause;
    throw new XdpkitError('USAGE', `${device.what} has no receive queue ${options.queue}, or no such packet`, {
      cause,
    });
  }
}

const mostMetadata = 252;

function refuseContext(
  { device, queue, metadata }: PacketRunOptions,
  code: 'USAGE' | 'UNSUPPORTED',
  who: string,
): void {
  if (device === undefined && queue === undefined && metadata === undefined) return;
  throw new XdpkitError(code, `${who} has no device, queue or metadata`);
}

function runOf(program: BpfProgram, { verdict, data, duration, context }: TestRun): PacketRun {
  const metadataLength = context === undefined ? 0 : metadataLengthOf(context);
  return {
    returned: verdict,
    verdict: program.type === 'xdp' ? verdictName(verdict) : undefined,
    duration,
    packet: data.subarray(metadataLength),
    metadata: data.subarray(0, metadataLength),
  };
}
