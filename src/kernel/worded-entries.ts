/** Entries of maps in words: written, looked up and deleted. */
import type { BtfValue } from '../btf/codec.js';
import { XdpkitError } from '../errors/error.js';
import { findMap } from './find-map.js';
import { findProgram } from './find-program.js';
import type { BpfMap, UpdateMode } from './map.js';
import { isStorage } from './map-codecs.js';
import { type MapText, readMapText, sumOf } from './map-text.js';
import { BloomFilter } from './maps/bloom-filter.js';
import { CgroupArray } from './maps/cgroup-array.js';
import { MapOfMaps } from './maps/map-of-maps.js';
import { ProgramArray } from './maps/program-array.js';
import { CpuMap, DeviceMap } from './maps/redirect-maps.js';
import { StorageMap } from './maps/storage-map.js';
import { PerCpu } from './per-cpu.js';
import { parseCpuTarget, parseDeviceTarget, parseOwner } from './target-words.js';

export interface WordedEntry {
  readonly key: string;
  readonly value: string;
  readonly mode?: UpdateMode | undefined;
  /** Whether `value` is an array of one value for each CPU. */
  readonly perCpu?: boolean | undefined;
  /** Where devices are looked up. */
  readonly netns?: string | undefined;
}

/**
 * Writes one entry. A value of a per-CPU map is what the sum over all CPUs is to be. Maps that hold programs or maps
 * show ids and take descriptors: their `value` is an id, a pin or a name; for devices and CPUs see `target-words.ts`; a
 * control group is a path. Keys of storage are `pid:17` or a path. Errors: as of `BpfMap.set`.
 */
export function setEntry(map: BpfMap, entry: WordedEntry): void {
  const { type } = map.definition;
  const { mode } = entry;
  const text = readMapText(map);
  if (entry.perCpu && !text.perCpu) {
    throw new XdpkitError('USAGE', `map "${map.name}" (${type}) has no value for each CPU`);
  }
  if (descriptorTypes.has(type)) {
    throw new XdpkitError(
      'USAGE',
      `values of map "${map.name}" (${type}) are descriptors: only a process that has them can write them`,
    );
  }
  if (isStorage(type)) {
    new StorageMap<unknown>(map as unknown as BpfMap<number>).set(
      parseOwner(entry.key),
      text.parseValue(entry.value),
      mode,
    );
    return;
  }
  const key = text.parseKey(entry.key);
  const writeHeld = heldValues[type];
  if (writeHeld !== undefined) writeHeld(map, key as number, entry);
  else if (entry.perCpu) map.set(key, text.parsePerCpu(entry.value), mode);
  else map.set(key, text.perCpu ? asSum(map, text, entry.value) : text.parseValue(entry.value), mode);
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

/** Of sockets and perf events. A number would be taken for a descriptor of this very process. */
const descriptorTypes: ReadonlySet<string> = new Set([
  'xskmap',
  'sockmap',
  'sockhash',
  'reuseport_sockarray',
  'perf_event_array',
]);

type WriteHeld = (map: BpfMap, key: number, entry: WordedEntry) => void;

/** Of a view of the map; the index that a key is, or the key that it is, is the view's own affair. */
const asView = (map: BpfMap): BpfMap<number> => map as unknown as BpfMap<number>;

const writeDevice: WriteHeld = (map, key, { value, mode, netns }) => {
  using worded = parseDeviceTarget(value);
  new DeviceMap(asView(map), { netns }).set(key, worded.target, mode);
};

const writeMap: WriteHeld = (map, key, { value, mode }) => {
  using inner = findMap(value);
  new MapOfMaps(asView(map)).set(key, inner, mode);
};

const heldValues: Readonly<Record<string, WriteHeld>> = {
  prog_array(map, key, { value, mode }) {
    using program = findProgram(value);
    new ProgramArray(asView(map)).set(key, program, mode);
  },
  array_of_maps: writeMap,
  hash_of_maps: writeMap,
  devmap: writeDevice,
  devmap_hash: writeDevice,
  cpumap(map, key, { value, mode }) {
    using worded = parseCpuTarget(value);
    new CpuMap(asView(map)).set(key, worded.target, mode);
  },
  cgroup_array(map, key, { value, mode }) {
    const owner = parseOwner(value);
    if ('pid' in owner) throw new XdpkitError('USAGE', `"${value}": a control group is given by its path`);
    new CgroupArray(asView(map)).set(key, owner, mode);
  },
};

/** What stands at a key that is given in words; undefined where nothing does. */
export function readEntry(map: BpfMap, word: string): { readonly key: BtfValue; readonly value: BtfValue } | undefined {
  const { type } = map.definition;
  if (type === 'bloom_filter') {
    const value = readMapText(map).parseValue(word);
    return new BloomFilter(map as unknown as BpfMap<never>).has(value) ? { key: value, value: true } : undefined;
  }
  if (isStorage(type)) {
    const value = new StorageMap(map as unknown as BpfMap<number>).get(parseOwner(word));
    return value === undefined ? undefined : { key: word, value };
  }
  const key = readMapText(map).parseKey(word);
  const value = map.get(key);
  return value === undefined ? undefined : { key, value };
}

/** False where nothing stood there. */
export function deleteEntry(map: BpfMap, word: string): boolean {
  if (isStorage(map.definition.type)) return new StorageMap(map as unknown as BpfMap<number>).delete(parseOwner(word));
  return map.delete(readMapText(map).parseKey(word));
}
