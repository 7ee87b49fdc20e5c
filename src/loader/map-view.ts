/** The way to use a map that fits its type: `xdpkit types` declares each map of an object as what this gives for it. */
import { BpfMap } from '../kernel/map.js';
import { isStorage } from '../kernel/map-codecs.js';
import { BloomFilter } from '../kernel/maps/bloom-filter.js';
import { CgroupArray } from '../kernel/maps/cgroup-array.js';
import { LpmTrie } from '../kernel/maps/lpm-trie.js';
import { MapOfMaps } from '../kernel/maps/map-of-maps.js';
import { ProgramArray } from '../kernel/maps/program-array.js';
import { CpuMap, DeviceMap } from '../kernel/maps/redirect-maps.js';
import { SocketMap } from '../kernel/maps/socket-map.js';
import { StackTraceMap } from '../kernel/maps/stack-trace-map.js';
import { StorageMap } from '../kernel/maps/storage-map.js';
import { QueueMap } from '../kernel/queue-map.js';
import type { LoadedObject } from './loaded.js';

/** A view of a map of an object, or the map itself; rings are opened, and whoever asked closes them. */
export function viewOfMap(object: LoadedObject, name: string): unknown {
  const map = object.map<never, never>(name);
  const any = map as unknown as BpfMap<number, never>;
  const { type, keySize } = map.definition;
  if (isStorage(type)) return new StorageMap(any);
  switch (type) {
    case 'lpm_trie':
      // The sizes of IPv4's and IPv6's prefixes.
      return keySize === 8 || keySize === 20 ? new LpmTrie(any as never) : map;
    case 'queue':
    case 'stack':
      return new QueueMap(map);
    case 'bloom_filter':
      return new BloomFilter(map);
    case 'array_of_maps':
    case 'hash_of_maps':
      return new MapOfMaps(map);
    case 'prog_array':
      return new ProgramArray(any);
    case 'devmap':
    case 'devmap_hash':
      return new DeviceMap(any);
    case 'cpumap':
      return new CpuMap(any);
    case 'xskmap':
    case 'sockmap':
    case 'sockhash':
    case 'reuseport_sockarray':
      return new SocketMap(any);
    case 'stack_trace':
      return new StackTraceMap(any);
    case 'cgroup_array':
      return new CgroupArray(any);
    case 'ringbuf':
      return object.ringBuffer(name);
    case 'user_ringbuf':
      return object.userRingBuffer(name);
    case 'perf_event_array':
      return object.perfBuffer(name);
    default:
      return map;
  }
}

/** Whether `viewOfMap` has opened something that is to be closed. */
export function isOpened(view: unknown): view is Disposable {
  return typeof view === 'object' && view !== null && Symbol.dispose in view && !(view instanceof BpfMap);
}
