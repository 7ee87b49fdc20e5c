/**
 * Values whose meaning the map's type tells, where no BTF does: the kernel keeps none for these maps. They are shown; to
 * write them there are views (`DeviceMap`, `CpuMap`), as programs are read as ids and written as descriptors.
 */
import type { BtfValue, Codec, CodecSubject } from '../btf/codec.js';
import type { ValueShape } from '../btf/shape.js';
import { plainShape } from '../btf/shape.js';
import { hostIsLittleEndian } from '../bytes/byte-order.js';
import { XdpkitError } from '../errors/error.js';
import type { MapDefinition } from './map.js';

type ValueOf = Pick<MapDefinition, 'type' | 'valueSize'>;

const device = ['ifindex', 'programId'];
const fieldsByType: Readonly<Record<string, readonly string[]>> = {
  devmap: device,
  devmap_hash: device,
  cpumap: ['queueSize', 'programId'],
};

/** Words of 4 bytes; undefined where the value is one that its size says all about. */
function fieldsOf({ type, valueSize }: ValueOf): readonly string[] | undefined {
  return valueSize === 8 ? fieldsByType[type] : undefined;
}

export function knownShape(map: ValueOf): ValueShape | undefined {
  const fields = fieldsOf(map);
  if (fields === undefined) return undefined;
  return { kind: 'struct', name: '', fields: fields.map((name) => ({ name, shape: plainShape(4) })) };
}

export function knownCodec(map: ValueOf, { name, code }: CodecSubject): Codec | undefined {
  const fields = fieldsOf(map);
  if (fields === undefined) return undefined;
  return {
    size: map.valueSize,
    decode(view, offset) {
      const word = (index: number): BtfValue => view.getUint32(offset + index * 4, hostIsLittleEndian);
      return Object.fromEntries(fields.map((field, index) => [field, word(index)]));
    },
    encode() {
      throw new XdpkitError(code, `${name}: its programs are read as ids and written as descriptors`, {
        hint: `Write it with new ${map.type === 'cpumap' ? 'CpuMap' : 'DeviceMap'}(map).set(…).`,
      });
    },
  };
}
