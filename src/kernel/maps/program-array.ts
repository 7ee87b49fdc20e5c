/** Tables of programs for tail calls. Since Linux 4.2. */
import type { BpfMap, UpdateMode } from '../map.js';
import { RawValues, wordAt } from './raw-values.js';

/**
 * A map of type `prog_array`: a view, which is good as long as the map is open. The kernel empties the map when no
 * process and no pin holds it any more, even where programs still use it. Throws USAGE for maps of other types.
 */
export class ProgramArray {
  readonly #values: RawValues<number>;

  constructor(map: BpfMap<number, unknown>) {
    this.#values = new RawValues(map, ['prog_array'], 'only program arrays hold programs');
  }

  /** The program must be of the same type as those that jump to it (EINVAL). */
  set(index: number, program: { readonly fd: number }, mode?: UpdateMode): void {
    this.#values.set(index, [program.fd], mode);
  }

  /** The id of the program there; for `openProgramById`. */
  get(index: number): number | undefined {
    const value = this.#values.get(index);
    return value && wordAt(value, 0);
  }

  delete(index: number): boolean {
    return this.#values.map.delete(index);
  }

  /** Indexes that hold a program, with its id. */
  *entries(): Generator<[number, number]> {
    for (const [index, value] of this.#values.entries()) yield [index, wordAt(value, 0)];
  }

  [Symbol.iterator](): Generator<[number, number]> {
    return this.entries();
  }
}
