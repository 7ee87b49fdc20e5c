/** Packets and bytes per verdict of the program on a device. */
import { hostIsLittleEndian } from '../bytes/byte-order.js';
import { XdpkitError } from '../errors/error.js';
import { readMapInfo } from '../kernel/info.js';
import { openById } from '../kernel/iterate.js';
import { readKernelBtf } from '../kernel/kernel-btf.js';
import type { BpfMap } from '../kernel/map.js';
import { isPerCpu } from '../kernel/map-codecs.js';
import { openMapById } from '../kernel/map-create.js';
import { perCpuStride } from '../kernel/per-cpu.js';
import { possibleCpus } from '../linux/cpu.js';
import { verdicts } from '../packet/verdict.js';
import { chooseAttachment, readAttachments } from '../xdp/attachment.js';
import { type DeviceHandle, type DeviceReference, openDevice } from '../xdp/device.js';
import type { XdpMode } from '../xdp/mode.js';
import { type CounterField, recognizeLayout, type StatisticsLayout } from './layout.js';

export interface Counter {
  /** A verdict (`DROP`), or a receive queue (`queue 3`). */
  readonly name: string;
  /** Summed over all possible CPUs since the map was made. */
  readonly packets: bigint;
  /** Undefined where the map counts packets only. */
  readonly bytes: bigint | undefined;
}

export interface Sample {
  /** Nanoseconds of a clock that only goes forward. */
  readonly time: bigint;
  readonly program: { readonly id: number; readonly name: string; readonly mode: XdpMode };
  readonly map: { readonly id: number; readonly name: string };
  readonly by: StatisticsLayout['by'];
  readonly counters: readonly Counter[];
}

interface Source {
  readonly program: Sample['program'];
  readonly mapId: number;
  readonly map: BpfMap;
  readonly layout: StatisticsLayout;
}

/** Reads a device's counters again and again, also across a swap of its program. */
export class StatisticsReader {
  readonly #device: DeviceHandle;
  #source: Source | undefined;

  /** Errors: `DEVICE_NOT_FOUND`, `NETNS_NOT_FOUND`. */
  constructor(reference: DeviceReference) {
    this.#device = openDevice(reference);
  }

  /** Errors: `NOT_ATTACHED`, `NO_STATISTICS` with what there is, `DEVICE_GONE`. */
  read(): Sample {
    const { program, map, mapId, layout } = this.#find();
    const counters = readCounters(map, layout);
    return { time: process.hrtime.bigint(), program, map: { id: mapId, name: map.name }, by: layout.by, counters };
  }

  #find(): Source {
    const present = this.#device.read().xdp.programs;
    const known = this.#source;
    if (known && present.some(({ id }) => id === known.program.id)) return known;
    this.#closeSource();
    this.#source = findSource(this.#device);
    return this.#source;
  }

  #closeSource(): void {
    this.#source?.map[Symbol.dispose]();
    this.#source = undefined;
  }

  [Symbol.dispose](): void {
    this.#closeSource();
    this.#device[Symbol.dispose]();
  }
}

function findSource(device: DeviceHandle): Source {
  const attached = chooseAttachment(device, readAttachments(device), device.read().xdp.programs[0]?.mode);
  const { programId, program, mode } = attached;
  const name = program?.name ?? `program ${programId}`;
  const seen: string[] = [];
  // A chain's members may have statistics of their own.
  const counters = attached.chain?.counters;
  for (const mapId of counters === undefined ? (program?.mapIds ?? []) : [counters]) {
    using fd = openById('map', mapId);
    if (fd === undefined) continue;
    const info = readMapInfo(fd.number);
    const layout = recognizeLayout(info, readKernelBtf(info.btfId));
    const map = layout && openMapById(mapId);
    if (layout && map) return { program: { id: programId, name, mode }, mapId, map, layout };
    seen.push(`${info.name} (${info.type})`);
  }
  throw new XdpkitError(
    'NO_STATISTICS',
    `program "${name}" on ${device.what} has no map that counts packets by verdict`,
    {
      hint:
        `${seen.length > 0 ? `Its maps are ${seen.join(', ')}. ` : 'It has no maps. '}` +
        'A per-CPU array of 5 entries (one a verdict) with fields rx_packets and rx_bytes is understood.',
    },
  );
}

function readCounters(map: BpfMap, layout: StatisticsLayout): Counter[] {
  const { valueSize, type } = map.definition;
  const cpus = isPerCpu(type) ? possibleCpus() : 1;
  const stride = isPerCpu(type) ? perCpuStride(valueSize) : valueSize;
  const counters: Counter[] = [];
  for (const batch of map.batches()) {
    const keys = new DataView(batch.keys.buffer, batch.keys.byteOffset, batch.keys.byteLength);
    const values = new DataView(batch.values.buffer, batch.values.byteOffset, batch.values.byteLength);
    for (let entry = 0; entry < batch.count; entry += 1) {
      const total = (field: CounterField): bigint => {
        let sum = 0n;
        for (let cpu = 0; cpu < cpus; cpu += 1) {
          sum += readField(values, (entry * cpus + cpu) * stride + field.offset, field.size);
        }
        return sum;
      };
      const index = keys.getUint32(entry * 4, hostIsLittleEndian);
      if (layout.by === 'verdict' && index >= verdicts.length) return counters;
      counters.push({
        name: layout.by === 'verdict' ? (verdicts[index] ?? `verdict ${index}`) : `queue ${index}`,
        packets: total(layout.packets),
        bytes: layout.bytes && total(layout.bytes),
      });
    }
  }
  return counters;
}

function readField(view: DataView, offset: number, size: 4 | 8): bigint {
  return size === 8
    ? view.getBigUint64(offset, hostIsLittleEndian)
    : BigInt(view.getUint32(offset, hostIsLittleEndian));
}

export interface Rate {
  readonly packetsPerSecond: number;
  readonly bytesPerSecond: number | undefined;
}

/** Rates between two samples by counter; undefined where they are not of the same map. */
export function ratesBetween(before: Sample, after: Sample): ReadonlyMap<string, Rate> | undefined {
  if (before.map.id !== after.map.id) return undefined;
  const seconds = Number(after.time - before.time) / 1e9;
  if (seconds <= 0) return undefined;
  const earlier = new Map(before.counters.map((counter) => [counter.name, counter]));
  return new Map(
    after.counters.map(({ name, packets, bytes }) => {
      const start = earlier.get(name);
      const packetsPerSecond = Number(packets - (start?.packets ?? 0n)) / seconds;
      const bytesPerSecond = bytes === undefined ? undefined : Number(bytes - (start?.bytes ?? 0n)) / seconds;
      return [name, { packetsPerSecond, bytesPerSecond }];
    }),
  );
}
