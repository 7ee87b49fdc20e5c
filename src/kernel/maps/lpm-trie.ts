/** Longest-prefix-match tries, by prefixes as people write them. Since Linux 4.11. */
import type { BtfValue } from '../../btf/codec.js';
import { XdpkitError } from '../../errors/error.js';
import { formatPrefix } from '../../packet/prefix.js';
import type { BpfMap, UpdateMode } from '../map.js';
import { prefixOfKey } from '../prefix-key.js';
import { requireType } from './raw-values.js';

/**
 * A map of type `lpm_trie` whose keys are prefixes of IPv4 or IPv6 addresses, by their size (8 or 20 bytes), as in
 * `new LpmTrie<number>(object.map('routes')).get('10.1.2.3')`: a view, which is good as long as the map is open. Throws
 * USAGE for other maps.
 */
export class LpmTrie<Value = BtfValue> implements Iterable<[string, Value]> {
  readonly #map: BpfMap<BtfValue, Value>;

  constructor(map: BpfMap<BtfValue, Value>) {
    const { name, keySize } = map.definition;
    requireType(map.definition, ['lpm_trie'], 'only LPM tries have prefixes as keys');
    if (keySize !== 8 && keySize !== 20) {
      throw new XdpkitError('USAGE', `map "${name}": its keys of ${keySize} bytes are no prefixes of IP addresses`);
    }
    this.#map = map;
  }

  /** The value of the longest prefix that covers this one; an address alone is a prefix of its full length. */
  get(prefix: string): Value | undefined {
    return this.#map.get(prefix);
  }

  /** Errors: as of `BpfMap.set`. Bits beyond the prefix are cleared. */
  set(prefix: string, value: Value, mode?: UpdateMode): void {
    this.#map.set(prefix, value, mode);
  }

  /** Of exactly this prefix; false where the map does not have it. */
  delete(prefix: string): boolean {
    return this.#map.delete(prefix);
  }

  /** Longer prefixes before those that cover them; see `BpfMap.entries`. */
  *entries(): Generator<[string, Value]> {
    const { keyCodec } = this.#map;
    const bytes = new Uint8Array(keyCodec.size);
    const view = new DataView(bytes.buffer);
    for (const [key, value] of this.#map) {
      keyCodec.encode(view, 0, key);
      yield [formatPrefix(prefixOfKey(bytes)), value];
    }
  }

  [Symbol.iterator](): Generator<[string, Value]> {
    return this.entries();
  }
}
