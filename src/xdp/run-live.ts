/** Frames through an XDP program that really go where its verdicts send them. */
import { UnsupportedFeatureError, XdpkitError } from '../errors/error.js';
import type { BpfProgram } from '../kernel/program.js';
import { runLiveFrames } from '../kernel/test-run.js';
import { kernelOlderThan } from '../linux/kernel-release.js';
import { packetBytes, withXdpInput } from './run-packet.js';

export interface LiveRunOptions {
  /** As for `runPacket`. */
  readonly packet: Uint8Array | string;
  /** The device that frames come from, in this network namespace or `netns`: PASS goes up its stack, TX out of it. */
  readonly device: string;
  readonly netns?: string | number | undefined;
  readonly queue?: number | undefined;
  readonly metadata?: Uint8Array | undefined;
  /** Frames in all. */
  readonly count: number;
  /** Frames in flight at once: 1 to 256, 64 unless given. */
  readonly batchSize?: number | undefined;
}

export interface LiveRun {
  readonly frames: number;
  /** Nanoseconds for each, the work of the verdict (transmission, the stack) included. */
  readonly duration: number;
}

/**
 * Sends `count` frames through the program. Since Linux 5.18. The kernel does not tell verdicts: count them in a map, or
 * on the wire. Frames that come back from a device are used again with what the program changed in them. Errors:
 * `DEVICE_NOT_FOUND`, `UNSUPPORTED`, `USAGE`, `SYSCALL`.
 */
export function runLive(program: BpfProgram, options: LiveRunOptions): LiveRun {
  const { count, batchSize } = options;
  if (program.type !== 'xdp') {
    throw new XdpkitError('USAGE', `program "${program.name}" is of type ${program.type}: live frames are for xdp`);
  }
  if (kernelOlderThan('5.18')) {
    throw new UnsupportedFeatureError('live-frames', 'live frames (BPF_F_TEST_XDP_LIVE_FRAMES) need Linux 5.18');
  }
  if (batchSize !== undefined && !(batchSize >= 1 && batchSize <= 256)) {
    throw new XdpkitError('USAGE', `a batch has 1 to 256 frames, not ${batchSize}`);
  }
  const packet = packetBytes(options.packet) ?? new Uint8Array();
  const duration = withXdpInput({ ...options, packet }, ({ data, context }) =>
    runLiveFrames(program, { data, context, repeat: count, batchSize }),
  );
  return { frames: count, duration };
}
