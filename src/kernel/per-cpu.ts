import type { BtfValue, Codec, CodecSubject } from '../btf/codec.js';
import { XdpkitError } from '../errors/error.js';

/** One value for each *possible* CPU, in the order of CPU numbers; `length` is the number of possible CPUs. */
export class PerCpu<Value = BtfValue> extends Array<Value> {
  /** `map` and the like give plain arrays. No getter, with which V8 makes every value several times slower. */
  static override readonly [Symbol.species]: ArrayConstructor = Array;

  /**
   * The sum over all CPUs: numbers and bigints are added, structs and arrays field by field; booleans, strings and
   * bytes have no sum and are refused.
   */
  sum(): Value {
    if (this.length === 0) throw new RangeError('a per-CPU value of no CPU');
    let total: unknown = this[0];
    for (let cpu = 1; cpu < this.length; cpu += 1) total = add(total, this[cpu]);
    return total as Value;
  }
}

/** A new value; neither of the two is changed. All CPUs' values have one shape, so the first one's is looked at. */
function add(a: unknown, b: unknown): unknown {
  if (typeof a === 'bigint') return a + (b as bigint);
  if (typeof a === 'number') return a + (b as number);
  if (Array.isArray(a)) return a.map((each, index) => add(each, (b as unknown[])[index]));
  if (typeof a !== 'object' || a === null || a instanceof Uint8Array) {
    throw new TypeError(`a per-CPU value of ${a instanceof Uint8Array ? 'bytes' : typeof a} has no sum`);
  }
  const total: Record<string, unknown> = { ...a };
  for (const name in total) total[name] = add(total[name], (b as Record<string, unknown>)[name]);
  return total;
}

/** Each CPU's value is padded to 8 bytes (`kernel/bpf/syscall.c`, bpf_map_value_size). */
export function perCpuStride(valueSize: number): number {
  return Math.ceil(valueSize / 8) * 8;
}

/** Encoding takes an array with one value for each possible CPU. */
export function perCpuCodec<Value>(one: Codec<Value>, cpus: number, subject: CodecSubject): Codec<PerCpu<Value>> {
  const stride = perCpuStride(one.size);
  return {
    size: stride * cpus,
    decode(view, offset) {
      // Made empty and filled: an array that is made with a length stays several times slower.
      const values = new PerCpu<Value>();
      for (let cpu = 0; cpu < cpus; cpu += 1) values[cpu] = one.decode(view, offset + cpu * stride);
      return values;
    },
    encode(view, offset, value) {
      if (!Array.isArray(value) || value.length !== cpus) {
        const given = Array.isArray(value) ? `an array of ${value.length}` : typeof value;
        throw new XdpkitError(
          subject.code,
          `${subject.name}: an array of ${cpus}, one value a CPU, is expected, not ${given}`,
        );
      }
      for (let cpu = 0; cpu < cpus; cpu += 1) one.encode(view, offset + cpu * stride, value[cpu]);
    },
  };
}
