import { readBtf } from '../btf/btf.js';
import { XdpkitError } from '../errors/error.js';
import { liftMemoryLock } from '../linux/memory-lock.js';
import { mapDefaults } from '../object/map-defaults.js';
import { mapTypes } from '../uapi/bpf.generated.js';
import { loadBtf } from './kernel-btf.js';
import type { BpfMap } from './map.js';
import { isStorage } from './map-codecs.js';
import { createMap, holdsMaps } from './map-create.js';
import { withUsualSize } from './map-size.js';
import { storageTypes, writeStorageTypes } from './storage-types.js';

export interface PlainMap {
  /** The kernel cuts it at 15 bytes. */
  readonly name: string;
  /** Kernel name without prefix, `lpm_trie`. */
  readonly type: string;
  /** Bytes; 0 for maps without keys. Where the type leaves no choice it may be left out. */
  readonly keySize?: number | undefined;
  /** Bytes; of one CPU's value for per-CPU maps. Where the type leaves no choice it may be left out. */
  readonly valueSize?: number | undefined;
  /** Bytes for a ring buffer (rounded up to a power of two of pages), pages for an arena; 0 for storage. */
  readonly maxEntries: number;
  /** BPF_F_* of map creation; those that the type cannot do without are added. */
  readonly flags?: number | undefined;
  /** A bloom filter's number of hash functions, an arena's address. */
  readonly mapExtra?: bigint | undefined;
  readonly numaNode?: number | undefined;
  /** For maps of maps: one of the shape that all of them have. It stays the caller's. */
  readonly inner?: { readonly fd: number } | undefined;
}

interface Needs {
  readonly flags?: number;
  readonly keySize?: number;
  readonly valueSize?: number;
}

const noPreallocation = 1;
const memoryMappable = 1 << 10;
const indexToNumber: Needs = { keySize: 4, valueSize: 4 };
const storage: Needs = { keySize: 4, flags: noPreallocation };

/** What the kernel takes nothing else for. */
const needed: Readonly<Record<string, Needs>> = {
  array: { keySize: 4 },
  percpu_array: { keySize: 4 },
  lpm_trie: { flags: noPreallocation },
  prog_array: indexToNumber,
  perf_event_array: indexToNumber,
  cgroup_array: indexToNumber,
  array_of_maps: indexToNumber,
  hash_of_maps: { valueSize: 4 },
  devmap: { keySize: 4 },
  devmap_hash: { keySize: 4 },
  cpumap: { keySize: 4 },
  xskmap: indexToNumber,
  sockmap: { keySize: 4 },
  reuseport_sockarray: { keySize: 4 },
  stack_trace: { keySize: 4 },
  sk_storage: storage,
  inode_storage: storage,
  task_storage: storage,
  cgrp_storage: storage,
  arena: { flags: memoryMappable },
};

/**
 * Creates a map that no object defines, and that has no types. Errors: `MAP_CREATE`, `OBJECT_UNSUPPORTED` for struct_ops,
 * USAGE for an unknown type, or an inner map too many or too few.
 */
export function createPlainMap(plain: PlainMap): BpfMap {
  const typeNumber = (mapTypes as Readonly<Record<string, number>>)[plain.type];
  if (!typeNumber) {
    const known = Object.keys(mapTypes).filter((type) => type !== 'unspec');
    throw new XdpkitError('USAGE', `there is no map type "${plain.type}"`, { hint: `The types: ${known.join(', ')}.` });
  }
  if (holdsMaps(plain.type) !== (plain.inner !== undefined)) {
    const problem = plain.inner === undefined ? 'needs a map of the shape that it is to hold' : 'holds no maps';
    throw new XdpkitError('USAGE', `a map of type ${plain.type} ${problem}`);
  }
  liftMemoryLock();
  const needs: Needs = needed[plain.type] ?? {};
  const spec = withUsualSize({
    ...mapDefaults,
    name: plain.name,
    type: plain.type,
    typeNumber,
    origin: 'btf',
    keySize: plain.keySize ?? needs.keySize ?? 0,
    valueSize: plain.valueSize ?? needs.valueSize ?? 0,
    maxEntries: plain.maxEntries,
    flags: (plain.flags ?? 0) | (needs.flags ?? 0),
    mapExtra: plain.mapExtra ?? 0n,
    numaNode: plain.numaNode,
  });
  if (!isStorage(plain.type)) return createMap(spec, { inner: plain.inner });
  const types = writeStorageTypes(spec.valueSize);
  using btfFd = loadBtf(types, plain.name);
  const btf = readBtf(types, `types of map ${plain.name}`);
  const typed = { ...spec, keyType: storageTypes.int, valueType: storageTypes.bytes };
  return createMap(typed, { btf, btfFd: btfFd.number });
}
