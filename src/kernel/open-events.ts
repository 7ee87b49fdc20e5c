/** Readers and writers of events for maps that are open. */
import type { Btf } from '../btf/btf.js';
import { type BtfValue, type Codec, compileCodec } from '../btf/codec.js';
import { XdpkitError } from '../errors/error.js';
import { type EventOptions, type EventReader, eventCodec } from './event-reader.js';
import { readMapInfo, readProgramInfo } from './info.js';
import { listIds, openById } from './iterate.js';
import { readKernelBtf } from './kernel-btf.js';
import { PerfBuffer, type PerfBufferOptions } from './perf-buffer.js';
import { RingBuffer } from './ring-buffer.js';
import type { RingMap } from './ring-memory.js';
import { UserRingBuffer } from './user-ring-buffer.js';

export interface EventTypes extends EventOptions {
  /** Of `btf`: what the map's definition says of its values. */
  readonly valueType?: number | undefined;
}

/** Opens a `ringbuf`. Where no BTF is given, types are those of a program in the kernel that uses the map. */
export function openRingBuffer<Value = BtfValue>(map: RingMap, options: EventTypes = {}): RingBuffer<Value> {
  return new RingBuffer(map, codecOf<Value>(map, options));
}

/** Opens a `perf_event_array`, with types as `openRingBuffer`. */
export function openPerfBuffer<Value = BtfValue>(
  map: RingMap,
  options: EventTypes & PerfBufferOptions = {},
): PerfBuffer<Value> {
  return new PerfBuffer(map, codecOf<Value>(map, options), options);
}

/** Opens a `user_ringbuf`, with types as `openRingBuffer`. */
export function openUserRingBuffer<Value = BtfValue>(map: RingMap, options: EventTypes = {}): UserRingBuffer<Value> {
  return new UserRingBuffer(map, codecOf<Value>(map, options));
}

/** Opens a map that programs write events to, whichever of the two types it has. Throws USAGE for others. */
export function openEvents<Value = BtfValue>(map: RingMap, options: EventTypes = {}): EventReader<Value> {
  const { type } = map.definition;
  if (type === 'ringbuf') return openRingBuffer(map, options);
  if (type === 'perf_event_array') return openPerfBuffer(map, options);
  throw new XdpkitError('USAGE', `map "${map.name}" is of type ${type}, which holds no events`, {
    hint: 'Programs write events to a ringbuf or a perf_event_array.',
  });
}

function codecOf<Value>(map: RingMap, { type, btf, valueType }: EventTypes): Codec<Value> | undefined {
  const { name } = map;
  if (type !== undefined) return eventCodec(btf ?? typesOfUsers(map), type, name) as unknown as Codec<Value>;
  // The values of a perf event array are descriptors, whatever its events are.
  if (btf === undefined || !valueType || map.definition.type === 'perf_event_array') return undefined;
  const subject = { name: `record of map "${name}"`, code: 'VALUE_SHAPE' } as const;
  return compileCodec(btf, valueType, subject) as unknown as Codec<Value>;
}

/** The kernel keeps no types for rings; the programs that write to them have them. Needs CAP_SYS_ADMIN. */
export function typesOfUsers(map: RingMap): Btf | undefined {
  const { id, btfId } = readMapInfo(map.fd);
  if (btfId !== 0) return readKernelBtf(btfId);
  for (const programId of listIds('program')) {
    using fd = openById('program', programId);
    if (fd === undefined) continue;
    const program = readProgramInfo(fd.number);
    if (program.mapIds.includes(id) && program.btfId !== 0) return readKernelBtf(program.btfId);
  }
  return undefined;
}
