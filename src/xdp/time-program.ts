/** How long a program takes for a packet, where repeating it would run it on what it made of the packet. */
import { assemble, exit, mov } from '../asm/assemble.js';
import { loadBareProgram } from '../kernel/load-bare.js';
import { BpfProgram } from '../kernel/program.js';
import { type PacketRunOptions, runPacket } from './run-packet.js';

export interface PacketTime {
  /** Nanoseconds of one run on the packet as given: the median, less `floor`. Never below 0. */
  readonly duration: number;
  /** Nanoseconds that an empty program takes in the same rounds: the cost of being measured. */
  readonly floor: number;
  readonly rounds: number;
}

/**
 * Runs the program `rounds` times, each time on a fresh copy of the packet, in turns with an empty program. The kernel's
 * own average over repeats is sharper (its floor is spread over all of them), but wrong by an order of magnitude for a
 * program that changes its packet.
 */
export function timeProgram(program: BpfProgram, options: PacketRunOptions, rounds: number): PacketTime {
  using empty = emptyProgram(program.type);
  const times: number[] = [];
  const floors: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    times.push(runPacket(program, { ...options, repeat: 1 }).duration);
    floors.push(runPacket(empty, { ...options, repeat: 1 }).duration);
  }
  const floor = median(floors);
  return { duration: Math.max(0, median(times) - floor), floor, rounds };
}

function emptyProgram(type: string): BpfProgram {
  const attachType = type === 'sk_lookup' ? type : undefined;
  return new BpfProgram(loadBareProgram(assemble(mov(0, 0), exit()), type, attachType), 'floor', type);
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((left, right) => left - right);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
