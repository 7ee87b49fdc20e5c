/** A packet through a program that is attached to nothing. */
import { XdpkitError } from '../errors/error.js';
import type { BpfProgram } from '../kernel/program.js';
import { runProgram, type TestRun } from '../kernel/test-run.js';
import { metadataLengthOf, xdpContext } from '../kernel/xdp-context.js';
import { kernelOlderThan } from '../linux/kernel-release.js';
import { isErrno } from '../linux/syscall-error.js';
import { buildPacket } from '../packet/build.js';
import { openDevice } from './device.js';
import { returnName } from './return-name.js';

export interface PacketRunOptions {
  /**
   * From its Ethernet header on, as bytes or in words (`'eth/ip dst 10.0.0.1/udp dport 53'`, see `buildPacket`). Left out
   * for types that do not work on packets.
   */
  readonly packet?: Uint8Array | string | undefined;
  /** How often the program runs on it, one unless given; each run begins with what the one before left. */
  readonly repeat?: number | undefined;
  /** For XDP: the device that the packet seems to come from, in this network namespace or `netns`; `lo` unless given. */
  readonly device?: string | undefined;
  readonly netns?: string | number | undefined;
  /** For XDP: the device's receive queue; 0 unless given. */
  readonly queue?: number | undefined;
  /** For XDP: what stands before the packet, as an earlier program or the device's driver leaves it. */
  readonly metadata?: Uint8Array | undefined;
  /** For other types: their context as the kernel's headers lay it out (`struct __sk_buff`, `struct bpf_sk_lookup`). */
  readonly context?: Uint8Array | undefined;
}

export interface PacketRun {
  /** What the program returned. */
  readonly returned: number;
  /** Its name: a verdict of XDP (`DROP`), an action of tc (`SHOT`); undefined for a number without one. */
  readonly verdict: string | undefined;
  /** Nanoseconds, the average of all repeats; 0 where the kernel does not tell. */
  readonly duration: number;
  /** The packet afterwards. */
  readonly packet: Uint8Array;
  readonly metadata: Uint8Array;
  /** The context afterwards, of other types than XDP, where one was given. */
  readonly context: Uint8Array | undefined;
}

/** Errors: `DEVICE_NOT_FOUND`, `UNSUPPORTED`, `USAGE`, `SYSCALL` where the kernel takes no such packet or program. */
export function runPacket(program: BpfProgram, options: PacketRunOptions): PacketRun {
  const { repeat, context } = options;
  const packet = packetBytes(options.packet);
  if (program.type !== 'xdp') {
    refuseContext(options, 'USAGE', `program "${program.name}" is of type ${program.type}, not xdp, and`);
    return runOf(program, runProgram(program, { data: packet, repeat, context }));
  }
  if (context !== undefined) {
    throw new XdpkitError('USAGE', 'the context of an XDP program is made of its device, queue and metadata');
  }
  if (packet === undefined) {
    throw new XdpkitError('USAGE', `program "${program.name}" works on packets: give one`, {
      hint: "In words, as in --packet 'ip dst 10.0.0.1/udp dport 53', as hexadecimal digits, or @FILE.",
    });
  }
  if (kernelOlderThan('5.15')) {
    refuseContext(options, 'UNSUPPORTED', 'before Linux 5.15 an XDP program that is tested');
    return runOf(program, runProgram(program, { data: packet, repeat }));
  }
  return withXdpInput({ ...options, packet }, ({ data, context: fields }) => {
    const run = runProgram(program, { data, repeat, context: fields });
    const length = run.context === undefined ? 0 : metadataLengthOf(run.context);
    const [after, before] = [run.data.subarray(length), run.data.subarray(0, length)];
    return { ...runOf(program, run), packet: after, metadata: before, context: undefined };
  });
}

export function packetBytes(packet: Uint8Array | string | undefined): Uint8Array | undefined {
  return typeof packet === 'string' ? buildPacket(packet) : packet;
}

const mostMetadata = 252;

/** Makes what the kernel takes for an XDP program's input, and calls `run` where the device is known. */
export function withXdpInput<T>(
  options: PacketRunOptions & { readonly packet: Uint8Array },
  run: (input: { readonly data: Uint8Array; readonly context: Uint8Array }) => T,
): T {
  const { packet, metadata = new Uint8Array(), queue } = options;
  if (metadata.length % 4 !== 0 || metadata.length > mostMetadata) {
    throw new XdpkitError(
      'USAGE',
      `${metadata.length} bytes of metadata: it takes a multiple of 4, at most ${mostMetadata}`,
    );
  }
  const data = new Uint8Array(metadata.length + packet.length);
  data.set(metadata);
  data.set(packet, metadata.length);
  const runFrom = (ingressIfindex: number): T => {
    const fields = { metadataLength: metadata.length, ingressIfindex, rxQueueIndex: queue ?? 0 };
    return run({ data, context: xdpContext(fields, data.length) });
  };
  if (options.device === undefined) {
    if (!queue) return runFrom(0);
    throw new XdpkitError('USAGE', 'a receive queue is one of a device: name that too');
  }
  using device = openDevice({ device: options.device, netns: options.netns });
  try {
    return device.run(() => runFrom(device.ifindex));
  } catch (cause) {
    if (!queue || !isErrno(cause, 'EINVAL')) throw cause;
    throw new XdpkitError('USAGE', `${device.what} has no receive queue ${queue}, or no such packet`, { cause });
  }
}

function refuseContext(
  { device, queue, metadata }: PacketRunOptions,
  code: 'USAGE' | 'UNSUPPORTED',
  who: string,
): void {
  if (device === undefined && queue === undefined && metadata === undefined) return;
  throw new XdpkitError(code, `${who} has no device, queue or metadata`);
}

function runOf(program: BpfProgram, { verdict, data, duration, context }: TestRun): PacketRun {
  return {
    returned: verdict,
    verdict: returnName(program.type, verdict),
    duration,
    packet: data,
    metadata: new Uint8Array(),
    context,
  };
}
