/** Writing an entry that is given in words. */
import type { BtfValue } from '../btf/codec.js';
import { XdpkitError } from '../errors/error.js';
import { findMap } from './find-map.js';
import { findProgram } from './find-program.js';
import type { BpfMap, UpdateMode } from './map.js';
import { type MapText, readMapText, sumOf } from './map-text.js';
import { PerCpu } from './per-cpu.js';

export interface WordedEntry {
  readonly key: string;
  readonly value: string;
  readonly mode?: UpdateMode | undefined;
  /** Whether `value` is an array of one value for each CPU. */
  readonly perCpu?: boolean | undefined;
}

/**
 * Writes one entry. A value of a per-CPU map is what the sum over all CPUs is to be. Maps that hold programs or maps
 * show ids and take descriptors: their `value` is an id, a pin or a name. Errors: as of `BpfMap.set`.
 */
export function setEntry(map: BpfMap, { key: keyWord, value, mode, perCpu = false }: WordedEntry): void {
  const text = readMapText(map);
  const key = text.parseKey(keyWord);
  if (perCpu && !text.perCpu) {
    throw new XdpkitError('USAGE', `map "${map.name}" (${map.definition.type}) has no value for each CPU`);
  }
  if (descriptorTypes.has(map.definition.type)) {
    throw new XdpkitError(
      'USAGE',
      `values of map "${map.name}" (${map.definition.type}) are descriptors: only a process that has them can write them`,
    );
  }
  const held = holders[map.definition.type];
  if (held !== undefined) {
    using object = held(value);
    map.set(key, object.fd, mode);
  } else if (perCpu) map.set(key, text.parsePerCpu(value), mode);
  else map.set(key, text.perCpu ? asSum(map, text, value) : text.parseValue(value), mode);
}

function asSum(map: BpfMap, text: MapText, word: string): BtfValue {
  const values = map.valueCodec.decode(new DataView(new ArrayBuffer(map.valueCodec.size)), 0);
  if (!(values instanceof PerCpu) || sumOf(values) === undefined) {
    throw new XdpkitError('USAGE', `values of map "${map.name}" have no sum over CPUs that could be given`, {
      hint: 'Give each its own: --per-cpu with an array of one value for each CPU.',
    });
  }
  values[0] = text.parseValue(word);
  return values;
}

/** Of sockets, perf events and control groups. A number would be taken for a descriptor of this very process. */
const descriptorTypes: ReadonlySet<string> = new Set([
  'xskmap',
  'sockmap',
  'sockhash',
  'reuseport_sockarray',
  'perf_event_array',
  'cgroup_array',
]);

interface Held extends Disposable {
  readonly fd: number;
}

const holders: Readonly<Record<string, (word: string) => Held>> = {
  prog_array: findProgram,
  array_of_maps: findMap,
  hash_of_maps: findMap,
};
