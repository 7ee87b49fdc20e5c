/** Packets and bytes by verdict, of each member and of the chain as a whole. */
import { hostIsLittleEndian } from '../bytes/byte-order.js';
import type { BpfMap } from '../kernel/map.js';
import { openMapById } from '../kernel/map-create.js';
import { possibleCpus } from '../linux/cpu.js';
import { counterSize, countersPerSlot } from '../object/chain/counters.js';
import { type Verdict, verdicts } from '../packet/verdict.js';

export interface VerdictCounter {
  readonly verdict: Verdict;
  /** Summed over all possible CPUs, since the member joined the chain. */
  readonly packets: bigint;
  /** As the packets came to the member. */
  readonly bytes: bigint;
}

/** By slot; undefined where the map is gone. */
export function readCounters(mapId: number): ((slot: number) => VerdictCounter[]) | undefined {
  using map = openMapById(mapId);
  if (map === undefined) return undefined;
  const sums = new Map<number, { packets: bigint; bytes: bigint }>();
  const cpus = possibleCpus();
  for (const { keys, values, count } of map.batches()) {
    const [key, value] = [viewOf(keys), viewOf(values)];
    for (let entry = 0; entry < count; entry += 1) {
      const sum = { packets: 0n, bytes: 0n };
      for (let cpu = 0; cpu < cpus; cpu += 1) {
        const at = (entry * cpus + cpu) * counterSize;
        sum.packets += value.getBigUint64(at, hostIsLittleEndian);
        sum.bytes += value.getBigUint64(at + 8, hostIsLittleEndian);
      }
      sums.set(key.getUint32(entry * 4, hostIsLittleEndian), sum);
    }
  }
  return (slot) =>
    verdicts.map((verdict, number) => ({
      verdict,
      ...(sums.get(slot * countersPerSlot + number) ?? { packets: 0n, bytes: 0n }),
    }));
}

/** Counters go with their members into a larger map; what is counted meanwhile stays behind. */
export function copyCounters(from: BpfMap, to: BpfMap, slots: ReadonlyMap<number, number>): void {
  for (const [old, now] of slots) {
    for (let verdict = 0; verdict < countersPerSlot; verdict += 1) {
      const value = from.getBytes(index(old * countersPerSlot + verdict));
      if (value) to.setBytes(index(now * countersPerSlot + verdict), value);
    }
  }
}

function index(number: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, number, hostIsLittleEndian);
  return bytes;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
