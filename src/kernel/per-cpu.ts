import type { BtfValue, Codec, CodecSubject } from '../btf/codec.js';
import { XdpkitError } from '../errors/error.js';

/** One value for each *possible* CPU, in the order of CPU numbers; `length` is the number of possible CPUs. */
export class PerCpu<Value = BtfValue> extends Array<Value> {
  static override get [Symbol.species](): ArrayConstructor {
    return Array;
  }

  /**
   * The sum over all CPUs: numbers and bigints are added, structs and arrays field by field; booleans, strings and
   * bytes have no sum and are refused. A sum of `number`s that leaves the safe integers is refused too.
   */
  sum(): Value {
    const [first, ...rest] = this;
    if (first === undefined) throw new RangeError('a per-CPU value of no CPU');
    return rest.reduce<unknown>((total, value) => add(total, value), first) as Value;
  }
}

function add(a: unknown, b: unknown): unknown {
  if (typeof a === 'bigint' && typeof b === 'bigint') return a + b;
  if (typeof a === 'number' && typeof b === 'number') return a + b;
  if (Array.isArray(a) && Array.isArray(b)) return a.map((each, index) => add(each, b[index]));
  if (isFields(a) && isFields(b)) {
    return Object.fromEntries(Object.entries(a).map(([name, value]) => [name, add(value, b[name])]));
  }
  throw new TypeError(`a per-CPU value of ${typeof a} has no sum`);
}

function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !(value instanceof Uint8Array);
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
      const values = new PerCpu<Value>(cpus);
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
