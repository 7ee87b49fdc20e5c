/** Maps without keys: queues and stacks. Since Linux 4.20. */
import type { BtfValue } from '../btf/codec.js';
import { XdpkitError } from '../errors/error.js';
import { errnos } from '../linux/syscall-error.js';
import { commands } from '../uapi/bpf.generated.js';
import { Attribute, bpf, bpfError } from './bpf.js';
import type { BpfMap } from './map.js';

/** BPF_EXIST: for these maps it means to push the oldest value out. */
const replaceOldestFlag = 2n;

/** What of a map does not depend on its keys. */
type Keyless<Value> = Pick<BpfMap<never, Value>, 'definition' | 'name' | 'fd' | 'valueCodec'>;

/**
 * A map of type `queue` (first in, first out) or `stack` (last in, first out), seen as such: a view, which is good as long
 * as the map is open. Throws USAGE for maps of other types.
 */
export class QueueMap<Value = BtfValue> {
  readonly #map: Keyless<Value>;
  readonly #value: DataView;
  // map_fd 0, key 8 (none), value 16, flags 24
  readonly #attribute: Attribute;

  constructor(map: Keyless<Value>) {
    const { name, type } = map.definition;
    if (type !== 'queue' && type !== 'stack') {
      throw new XdpkitError(
        'USAGE',
        `map "${name}" is of type ${type}: only queues and stacks are pushed to and popped from`,
      );
    }
    this.#map = map;
    const bytes = new Uint8Array(new ArrayBuffer(map.valueCodec.size));
    this.#value = new DataView(bytes.buffer);
    this.#attribute = new Attribute(32).u32(0, map.fd).pointer(16, bytes);
  }

  /** Adds a value; with `replaceOldest` a full map gives up its oldest for it. Errors: `VALUE_SHAPE`, `MAP_FULL`. */
  push(value: Value, { replaceOldest = false }: { readonly replaceOldest?: boolean } = {}): void {
    this.#map.valueCodec.encode(this.#value, 0, value);
    const tried = `push to map "${this.#map.name}"`;
    const result = this.#call('map_update_elem', replaceOldest ? replaceOldestFlag : 0n);
    if (result >= 0) return;
    const { type, maxEntries } = this.#map.definition;
    if (-result !== errnos.E2BIG) throw bpfError(tried, -result);
    throw new XdpkitError('MAP_FULL', `${tried}: it is full (${type} of ${maxEntries} entries)`, {
      hint: 'Pop a value first, or ask for the oldest to be replaced.',
      cause: bpfError(tried, -result),
    });
  }

  /** Takes the next value out; undefined when there is none. */
  pop(): Value | undefined {
    return this.#next('map_lookup_and_delete_elem', 'pop from');
  }

  /** The value that `pop` would give, which stays. */
  peek(): Value | undefined {
    return this.#next('map_lookup_elem', 'peek at');
  }

  #next(command: keyof typeof commands, verb: string): Value | undefined {
    const result = this.#call(command, 0n);
    if (result >= 0) return this.#map.valueCodec.decode(this.#value, 0);
    if (-result === errnos.ENOENT) return undefined;
    throw bpfError(`${verb} map "${this.#map.name}"`, -result);
  }

  #call(command: keyof typeof commands, flags: bigint): number {
    // Asked for at every call: a map that was closed meanwhile is refused here.
    return bpf(commands[command], this.#attribute.u32(0, this.#map.fd).u64(24, flags));
  }
}
