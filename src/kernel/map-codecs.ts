/** Which codec a map's keys and values have: from BTF where it fits the map's sizes, else plain integers or bytes. */
import type { Btf } from '../btf/btf.js';
import { type BtfValue, type Codec, type CodecSubject, compileCodec, plainCodec } from '../btf/codec.js';
import { hostIsLittleEndian } from '../bytes/byte-order.js';
import { XdpkitError } from '../errors/error.js';
import { possibleCpus } from '../linux/cpu.js';
import type { MapDefinition } from './map.js';
import { type PerCpu, perCpuCodec } from './per-cpu.js';

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

export function mapCodecs(definition: MapDefinition, types: MapTypes): MapCodecs {
  const { name, type, keySize, valueSize, maxEntries } = definition;
  const keySubject: CodecSubject = { name: `key of map "${name}"`, code: 'KEY_SHAPE' };
  const valueSubject: CodecSubject = { name: `value of map "${name}"`, code: 'VALUE_SHAPE' };
  const key = typedCodec(types.btf, types.keyType, keySize, keySubject);
  const value = typedCodec(types.btf, types.valueType, valueSize, valueSubject);
  return {
    key: isArray(type) ? indexCodec(key, maxEntries, keySubject) : key,
    value: isPerCpu(type) ? perCpuCodec(value, possibleCpus(), valueSubject) : value,
  };
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
