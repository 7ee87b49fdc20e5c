import { hostIsLittleEndian } from '../../bytes/byte-order.js';
import { XdpkitError } from '../../errors/error.js';
import type { BpfMap, UpdateMode } from '../map.js';

/** What views of maps share: the map's own keys, and values as bytes, whatever BTF makes of them. */
export class RawValues<Key> {
  readonly map: BpfMap<Key, unknown>;
  readonly #key: DataView;

  /** Throws USAGE for maps of other types; `what` says what those of these types hold. */
  constructor(map: BpfMap<Key, unknown>, types: readonly string[], what: string) {
    requireType(map.definition, types, what);
    this.map = map;
    this.#key = new DataView(new ArrayBuffer(map.keyCodec.size));
  }

  get valueSize(): number {
    return this.map.definition.valueSize;
  }

  get(key: Key): DataView | undefined {
    const bytes = this.map.getBytes(this.#keyBytes(key));
    return bytes && new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** The words of the value, each of 4 bytes; those that the value has no room for are left out. */
  set(key: Key, words: readonly number[], mode?: UpdateMode): void {
    const value = new DataView(new ArrayBuffer(this.valueSize));
    words.forEach((word, index) => {
      if (index * 4 < this.valueSize) value.setUint32(index * 4, word, hostIsLittleEndian);
    });
    this.map.setBytes(this.#keyBytes(key), new Uint8Array(value.buffer), mode);
  }

  *entries(): Generator<[Key, DataView]> {
    const { keyCodec, valueCodec } = this.map;
    for (const { count, keys, values } of this.map.batches()) {
      const keyView = new DataView(keys.buffer, keys.byteOffset, keys.byteLength);
      for (let index = 0; index < count; index += 1) {
        const value = values.slice(index * valueCodec.size, (index + 1) * valueCodec.size);
        yield [keyCodec.decode(keyView, index * keyCodec.size), new DataView(value.buffer)];
      }
    }
  }

  #keyBytes(key: Key): Uint8Array {
    this.map.keyCodec.encode(this.#key, 0, key);
    return new Uint8Array(this.#key.buffer);
  }
}

export function requireType(
  { name, type }: { readonly name: string; readonly type: string },
  types: readonly string[],
  what: string,
): void {
  if (!types.includes(type)) throw new XdpkitError('USAGE', `map "${name}" is of type ${type}: ${what}`);
}

/** The word of 4 bytes at an offset; 0 where the value has none there. */
export function wordAt(value: DataView, offset: number): number {
  return value.byteLength >= offset + 4 ? value.getUint32(offset, hostIsLittleEndian) : 0;
}
