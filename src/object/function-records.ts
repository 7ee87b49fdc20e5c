/** What `.BTF.ext` says about functions: their types, their source lines, and their CO-RE relocations. */
import { instructionSize } from '../asm/opcodes.js';
import type { Records } from '../btf/ext.js';
import type { TypeId } from '../btf/types.js';
import type { Placement } from './functions.js';
import { type Source, sectionError } from './source.js';
import type { CoreRelocation, FunctionSpec, LineInfo } from './spec.js';

export class FunctionRecords {
  readonly #source: Source;
  /** An object has some dozens of access strings, in thousands of records. */
  readonly #accessStrings = new Map<number, string>();

  constructor(source: Source) {
    this.#source = source;
  }

  typeId({ section, offset }: Placement): TypeId | undefined {
    return this.#source.ext?.functions.get(section.name)?.between(offset, offset + 1)[1];
  }

  lines(placement: Placement): LineInfo[] {
    const lines: LineInfo[] = [];
    const { words, stride } = this.#recordsOf(placement, this.#source.ext?.lines);
    let before = -1;
    for (let index = 0; index < words.length; index += stride) {
      const at = ((words[index] as number) - placement.offset) / instructionSize;
      // The kernel takes one line for an instruction.
      if (at === before) continue;
      before = at;
      lines.push({
        at,
        fileNameOffset: words[index + 1] as number,
        lineOffset: words[index + 2] as number,
        lineColumn: words[index + 3] as number,
      });
    }
    return lines;
  }

  coreRelocations(placement: Placement): CoreRelocation[] {
    const relocations: CoreRelocation[] = [];
    const { words, stride } = this.#recordsOf(placement, this.#source.ext?.coreRelocations);
    for (let index = 0; index < words.length; index += stride) {
      relocations.push({
        at: ((words[index] as number) - placement.offset) / instructionSize,
        type: words[index + 1] as number,
        accessString: this.#accessString(words[index + 2] as number),
        kind: words[index + 3] as number,
      });
    }
    return relocations;
  }

  /** The records that fall into a function. */
  #recordsOf<T>(
    { section, offset, size }: Placement,
    records: ReadonlyMap<string, Records<T>> | undefined,
  ): { readonly words: Uint32Array; readonly stride: number } {
    const found = records?.get(section.name);
    if (found === undefined) return { words: new Uint32Array(0), stride: 1 };
    const { stride } = found;
    const words = found.between(offset, offset + size);
    for (let index = 0; index < words.length; index += stride) {
      const recordOffset = words[index] as number;
      if (recordOffset % instructionSize === 0) continue;
      const problem = 'a record of .BTF.ext points between two instructions';
      throw sectionError(this.#source, section, recordOffset, problem);
    }
    return { words, stride };
  }

  #accessString(offset: number): string {
    const known = this.#accessStrings.get(offset);
    if (known !== undefined) return known;
    const text = this.#source.btf?.name(offset) ?? '';
    this.#accessStrings.set(offset, text);
    return text;
  }
}

type Recorded = Pick<FunctionSpec, 'lines' | 'coreRelocations'>;

const unread = Symbol('unread');

interface Unread extends Recorded {
  readonly [unread]: { readonly records: FunctionRecords; readonly placement: Placement };
}

/**
 * Adds the lines and CO-RE relocations, the bulk of an object that most who open one do not ask for: they are made when
 * they are asked for, and plain values from then on. The getters are the same two for all functions, because each new
 * getter makes V8 a hidden class, which keeps all that the getter refers to.
 */
export function withRecords<Spec extends object>(
  records: FunctionRecords,
  placement: Placement,
  spec: Spec,
): Spec & Recorded {
  Object.defineProperty(spec, unread, { value: { records, placement } });
  return Object.defineProperties(spec, madeWhenAskedFor) as Spec & Recorded;
}

const madeWhenAskedFor = {
  lines: {
    enumerable: true,
    configurable: true,
    get(this: Unread) {
      const { records, placement } = this[unread];
      return settle(this, 'lines', records.lines(placement));
    },
  },
  coreRelocations: {
    enumerable: true,
    configurable: true,
    get(this: Unread) {
      const { records, placement } = this[unread];
      return settle(this, 'coreRelocations', records.coreRelocations(placement));
    },
  },
};

function settle<Name extends keyof Recorded>(spec: Recorded, name: Name, value: Recorded[Name]): Recorded[Name] {
  Object.defineProperty(spec, name, { value, enumerable: true, configurable: true, writable: true });
  return value;
}
