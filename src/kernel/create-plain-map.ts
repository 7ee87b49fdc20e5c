import { XdpkitError } from '../errors/error.js';
import { liftMemoryLock } from '../linux/memory-lock.js';
import { mapDefaults } from '../object/map-defaults.js';
import { mapTypes } from '../uapi/bpf.generated.js';
import type { BpfMap } from './map.js';
import { createMap } from './map-create.js';

export interface PlainMap {
  /** The kernel cuts it at 15 bytes. */
  readonly name: string;
  /** Kernel name without prefix, `lpm_trie`. */
  readonly type: string;
  /** Bytes; 0 for maps without keys. */
  readonly keySize: number;
  /** Bytes; of one CPU's value for per-CPU maps. */
  readonly valueSize: number;
  /** Bytes for a ring buffer. */
  readonly maxEntries: number;
  /** BPF_F_* of map creation; those that the type cannot do without are added. */
  readonly flags?: number | undefined;
}

/** The only way the kernel takes an LPM trie is BPF_F_NO_PREALLOC. */
const needed: Readonly<Record<string, number>> = { lpm_trie: 1 };

/** Creates a map that no object defines, and that has no types. Errors: `MAP_CREATE`, USAGE for an unknown type. */
export function createPlainMap({ flags = 0, ...plain }: PlainMap): BpfMap {
  const typeNumber = (mapTypes as Readonly<Record<string, number>>)[plain.type];
  if (!typeNumber) {
    const known = Object.keys(mapTypes).filter((type) => type !== 'unspec');
    throw new XdpkitError('USAGE', `there is no map type "${plain.type}"`, { hint: `The types: ${known.join(', ')}.` });
  }
  liftMemoryLock();
  return createMap({
    ...mapDefaults,
    ...plain,
    typeNumber,
    origin: 'btf',
    flags: flags | (needed[plain.type] ?? 0),
  });
}
