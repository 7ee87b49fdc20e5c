/** Maps that hold sockets. */
import type { BtfValue } from '../../btf/codec.js';
import { hostIsLittleEndian } from '../../bytes/byte-order.js';
import { XdpkitError } from '../../errors/error.js';
import type { BpfMap, UpdateMode } from '../map.js';
import { RawValues } from './raw-values.js';

/**
 * A map of type `xskmap` (AF_XDP sockets by receive queue, since Linux 4.18), `sockmap` (4.14), `sockhash` (4.18) or
 * `reuseport_sockarray` (4.19). A socket that is closed leaves the map. A view, which is good as long as the map is open.
 * Throws USAGE for maps of other types.
 */
export class SocketMap<Key = number> {
  readonly #values: RawValues<Key>;

  constructor(map: BpfMap<Key, BtfValue>) {
    const types = ['xskmap', 'sockmap', 'sockhash', 'reuseport_sockarray'];
    this.#values = new RawValues<Key>(map, types, 'only socket maps hold sockets');
  }

  /** `socket`: a descriptor of this process. The kernel says EOPNOTSUPP to sockets of a kind or state that it cannot take. */
  set(key: Key, socket: number, mode?: UpdateMode): void {
    this.#values.set(key, [socket], mode);
  }

  /** The socket's cookie (SO_COOKIE). Values must have 8 bytes; of AF_XDP sockets the kernel tells nothing. */
  get(key: Key): bigint | undefined {
    return this.#cookie(this.#values.get(key));
  }

  delete(key: Key): boolean {
    return this.#values.map.delete(key);
  }

  /** Keys, and the cookies of the sockets there. */
  *entries(): Generator<[Key, bigint]> {
    for (const [key, value] of this.#values.entries()) {
      const cookie = this.#cookie(value);
      if (cookie !== undefined) yield [key, cookie];
    }
  }

  [Symbol.iterator](): Generator<[Key, bigint]> {
    return this.entries();
  }

  #cookie(value: DataView | undefined): bigint | undefined {
    if (value === undefined) return undefined;
    if (value.byteLength === 8) return value.getBigUint64(0, hostIsLittleEndian);
    throw new XdpkitError('USAGE', `map "${this.#values.map.name}": values of 4 bytes cannot be read as cookies`);
  }
}
