/** Which codec a map's keys and values have: from BTF where it fits the map's sizes, else plain integers or bytes. */
import type { Btf } from '../btf/btf.js';
import { type BtfValue, type Codec, type CodecSubject, compileCodec, plainCodec } from '../btf/codec.js';
import { bytesAt } from '../btf/codec-scalars.js';
import { hostIsLittleEndian } from '../bytes/byte-order.js';
import { XdpkitError } from '../errors/error.js';
import { possibleCpus } from '../linux/cpu.js';
import { knownCodec } from './known-values.js';
import type { MapDefinition } from './map.js';
import { type PerCpu, perCpuCodec } from './per-cpu.js';
import { keyOfPrefix } from './prefix-key.js';

export interface MapCodecs {
  readonly key: Codec;
  readonly value: Codec<BtfValue | PerCpu>;
}

export interface MapTypes {
  readonly btf: Btf | undefined;
  readonly keyType: number | undefined;
  readonly valueType: number | undefined;
}

export function isPerCpu(type: string): boolean {
  return type.includes('percpu');
}

/** Types whose keys are indexes from 0 to max_entries − 1. */
export function isArray(type: string): boolean {
  return type.endsWith('array') || ['array_of_maps', 'devmap', 'cpumap', 'xskmap', 'sockmap'].includes(type);
}

/** Values that are kept with a socket, inode, task or control group, and are gone with it. */
export function isStorage(type: string): boolean {
  return ['sk_storage', 'inode_storage', 'task_storage', 'cgrp_storage'].includes(type);
}

export function mapCodecs(definition: MapDefinition, types: MapTypes): MapCodecs {
  const { name, type, keySize } = definition;
  const keySubject: CodecSubject = { name: `key of map "${name}"`, code: 'KEY_SHAPE' };
  const valueSubject: CodecSubject = { name: `value of map "${name}"`, code: 'VALUE_SHAPE' };
  const key = typedCodec(types.btf, types.keyType, keySize, keySubject);
  const value = valueCodec(definition, types, valueSubject);
  return {
    key: keyCodec(key, definition, keySubject),
    value: isPerCpu(type) ? perCpuCodec(value, possibleCpus(), valueSubject) : value,
  };
}

function keyCodec(codec: Codec, { type, maxEntries }: MapDefinition, subject: CodecSubject): Codec {
  if (isArray(type)) return indexCodec(codec, maxEntries, subject);
  if (type === 'lpm_trie') return prefixCodec(codec, subject);
  return codec;
}

function valueCodec(definition: MapDefinition, { btf, valueType }: MapTypes, subject: CodecSubject): Codec {
  const known = valueType ? undefined : knownCodec(definition, subject);
  return known ?? typedCodec(btf, valueType, definition.valueSize, subject);
}

function typedCodec(btf: Btf | undefined, type: number | undefined, size: number, subject: CodecSubject): Codec {
  if (btf !== undefined && type) {
    const codec = compileCodec(btf, type, subject);
    if (codec.size === size) return codec;
  }
  return plainCodec(size, hostIsLittleEndian, subject);
}

/** The kernel answers E2BIG or ENOENT to an index out of range, which says less. */
function indexCodec(codec: Codec, maxEntries: number, subject: CodecSubject): Codec {
  return {
    ...codec,
    encode(view, offset, value) {
      codec.encode(view, offset, value);
      if (view.getUint32(offset, hostIsLittleEndian) >= maxEntries) {
        throw new XdpkitError(
          subject.code,
          `${subject.name}: ${String(value)} is out of range; it has ${maxEntries} entries`,
        );
      }
    },
  };
}

/**
 * A key of an LPM trie begins with the length of its prefix in bits (struct bpf_lpm_trie_key). To one above the length
 * of the address the kernel answers a bare EINVAL when it is written, and finds nothing when it is read. Those that can
 * be of IP addresses are taken as `10.0.0.0/8` too.
 */
function prefixCodec(codec: Codec, subject: CodecSubject): Codec {
  const most = (codec.size - 4) * 8;
  const takesText = codec.size === 8 || codec.size === 20;
  return {
    ...codec,
    encode(view, offset, value) {
      if (typeof value === 'string' && takesText) {
        bytesAt(view, offset, codec.size).set(keyOfPrefix(value, codec.size, subject));
        return;
      }
      codec.encode(view, offset, value);
      const length = view.getUint32(offset, hostIsLittleEndian);
      if (length > most) {
        throw new XdpkitError(
          subject.code,
          `${subject.name}: a prefix of ${length} bits is too long; it has at most ${most}`,
        );
      }
    },
  };
}
