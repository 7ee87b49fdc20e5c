/** Sets that know for sure what is not in them. Since Linux 5.16. */
import type { BtfValue } from '../../btf/codec.js';
import { errnos } from '../../linux/syscall-error.js';
import { commands } from '../../uapi/bpf.generated.js';
import { Attribute, bpf, bpfError } from '../bpf.js';
import type { BpfMap } from '../map.js';
import { requireType } from './raw-values.js';

/**
 * A map of type `bloom_filter`: what was added is found again for sure, and now and then something that was not. A view,
 * which is good as long as the map is open. Throws USAGE for maps of other types.
 */
export class BloomFilter<Value = BtfValue> {
  readonly #map: Pick<BpfMap<never, Value>, 'definition' | 'fd' | 'valueCodec'>;
  readonly #value: DataView;
  // map_fd 0, key 8 (none), value 16, flags 24
  readonly #attribute: Attribute;

  constructor(map: Pick<BpfMap<never, Value>, 'definition' | 'fd' | 'valueCodec'>) {
    requireType(map.definition, ['bloom_filter'], 'only bloom filters are asked whether they have a value');
    this.#map = map;
    const bytes = new Uint8Array(new ArrayBuffer(map.valueCodec.size));
    this.#value = new DataView(bytes.buffer);
    this.#attribute = new Attribute(32).pointer(16, bytes);
  }

  /** Nothing is ever taken out. Errors: `VALUE_SHAPE`. */
  push(value: Value): void {
    this.#call('map_update_elem', 'add to', value);
  }

  /** False: it was never added. True: it was, or is taken for another one. */
  has(value: Value): boolean {
    return this.#call('map_lookup_elem', 'look into', value);
  }

  #call(command: 'map_update_elem' | 'map_lookup_elem', verb: string, value: Value): boolean {
    this.#map.valueCodec.encode(this.#value, 0, value);
    const result = bpf(commands[command], this.#attribute.u32(0, this.#map.fd));
    if (result >= 0) return true;
    if (-result === errnos.ENOENT) return false;
    throw bpfError(`${verb} map "${this.#map.definition.name}"`, -result);
  }
}
