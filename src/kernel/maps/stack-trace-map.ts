/** Stacks that programs have kept with `bpf_get_stackid`. Since Linux 4.6. */
import { hostIsLittleEndian } from '../../bytes/byte-order.js';
import { XdpkitError } from '../../errors/error.js';
import { type KernelSymbols, readKernelSymbols } from '../../linux/kernel-symbols.js';
import type { BpfMap } from '../map.js';
import { RawValues } from './raw-values.js';

export const buildIdFlag = 1 << 5;

export interface StackFrame {
  readonly address: bigint;
  /** The kernel function that it lies in; undefined for addresses of programs in user space, or where none are told. */
  readonly symbol: string | undefined;
  /** Bytes from the function's start; 0 without one. */
  readonly offset: number;
}

/**
 * A map of type `stack_trace`, keyed by what `bpf_get_stackid` gave: a view, which is good as long as the map is open.
 * Throws USAGE for maps of other types, and for those that keep build ids instead of addresses.
 */
export class StackTraceMap {
  readonly #values: RawValues<number>;
  readonly #framesOf = frameReader();

  constructor(map: BpfMap<number, unknown>) {
    this.#values = new RawValues(map, ['stack_trace'], 'only stack trace maps hold stacks');
    if ((map.info().flags & buildIdFlag) !== 0) {
      throw new XdpkitError('USAGE', `map "${map.name}" keeps build ids (BPF_F_STACK_BUILD_ID), not addresses`);
    }
  }

  /** Return addresses, the innermost first; undefined where there is no such stack. */
  get(id: number): bigint[] | undefined {
    const value = this.#values.get(id);
    return value && addresses(value);
  }

  /** As `get`, with the names of kernel functions, which this view reads once (needs CAP_SYSLOG). */
  frames(id: number): StackFrame[] | undefined {
    const value = this.#values.get(id);
    return value && this.#framesOf(value);
  }

  /** Makes room for another stack. */
  delete(id: number): boolean {
    return this.#values.map.delete(id);
  }

  *entries(): Generator<[number, bigint[]]> {
    for (const [id, value] of this.#values.entries()) yield [id, addresses(value)];
  }

  [Symbol.iterator](): Generator<[number, bigint[]]> {
    return this.entries();
  }
}

/**
 * Gives the frames of raw values. The kernel's symbols, ten megabytes, are read when the first value is met, and go with
 * the reader: programs and modules come and go, and have symbols too.
 */
export function frameReader(): (value: DataView) => StackFrame[] {
  let symbols: KernelSymbols | undefined;
  return (value) =>
    addresses(value).map((address) => {
      symbols ??= readKernelSymbols();
      const around = symbols.around(address);
      return { address, symbol: around?.name, offset: around?.offset ?? 0 };
    });
}

/** Up to the first zero. */
function addresses(value: DataView): bigint[] {
  const all = Array.from({ length: value.byteLength / 8 }, (_, at) => value.getBigUint64(at * 8, hostIsLittleEndian));
  const end = all.indexOf(0n);
  return end === -1 ? all : all.slice(0, end);
}
