/** Maps whose values are maps. Arrays since Linux 4.12, hashes too. */
import type { BtfValue } from '../../btf/codec.js';
import type { BpfMap, UpdateMode } from '../map.js';
import { openMapById } from '../map-create.js';
import { RawValues, wordAt } from './raw-values.js';

/**
 * A map of type `array_of_maps` or `hash_of_maps`; `Inner` is what the maps in it are. A view, which is good as long as
 * the map is open. Throws USAGE for maps of other types.
 */
export class MapOfMaps<Key = BtfValue, InnerKey = BtfValue, InnerValue = BtfValue> {
  readonly #values: RawValues<Key>;

  constructor(map: BpfMap<Key, unknown>) {
    this.#values = new RawValues(map, ['array_of_maps', 'hash_of_maps'], 'only maps of maps hold maps');
  }

  /**
   * Puts a map in, which lives at least as long as it is there. It must have the shape of the inner maps: type, sizes and
   * flags, and of an array its length too, or the kernel refuses it (EINVAL).
   */
  set(key: Key, inner: { readonly fd: number }, mode?: UpdateMode): void {
    this.#values.set(key, [inner.fd], mode);
  }

  /** The map at `key`, opened anew: the caller closes it. Undefined where there is none. Needs CAP_SYS_ADMIN. */
  get(key: Key): BpfMap<InnerKey, InnerValue> | undefined {
    const id = this.idAt(key);
    return id === undefined ? undefined : openMapById<InnerKey, InnerValue>(id);
  }

  /** The id of the map at `key`. */
  idAt(key: Key): number | undefined {
    const value = this.#values.get(key);
    return value && wordAt(value, 0);
  }

  /** False where there was none. */
  delete(key: Key): boolean {
    return this.#values.map.delete(key);
  }

  /** Keys, and the ids of the maps there. */
  *ids(): Generator<[Key, number]> {
    for (const [key, value] of this.#values.entries()) yield [key, wordAt(value, 0)];
  }
}
