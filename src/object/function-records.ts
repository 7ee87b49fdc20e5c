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
    const records = this.#source.ext?.functions.get(section.name);
    if (records === undefined) return undefined;
    const index = records.firstFrom(offset);
    return index < records.count && records.word(index, 0) === offset ? records.word(index, 1) : undefined;
  }

  lines(placement: Placement): LineInfo[] {
    const records = this.#source.ext?.lines.get(placement.section.name);
    if (records === undefined) return [];
    const lines: LineInfo[] = [];
    const end = firstAfter(records, placement);
    let before = -1;
    for (let index = records.firstFrom(placement.offset); index < end; index++) {
      const at = this.#instructionAt(placement, records.word(index, 0));
      // The kernel takes one line for an instruction.
      if (at === before) continue;
      before = at;
      lines.push({
        at,
        fileNameOffset: records.word(index, 1),
        lineOffset: records.word(index, 2),
        lineColumn: records.word(index, 3),
      });
    }
    return lines;
  }

  coreRelocations(placement: Placement): CoreRelocation[] {
    const records = this.#source.ext?.coreRelocations.get(placement.section.name);
    if (records === undefined) return [];
    const relocations: CoreRelocation[] = [];
    const end = firstAfter(records, placement);
    for (let index = records.firstFrom(placement.offset); index < end; index++) {
      relocations.push({
        at: this.#instructionAt(placement, records.word(index, 0)),
        type: records.word(index, 1),
        accessString: this.#accessString(records.word(index, 2)),
        kind: records.word(index, 3),
      });
    }
    return relocations;
  }

  #accessString(offset: number): string {
    const known = this.#accessStrings.get(offset);
    if (known !== undefined) return known;
    const text = this.#source.btf?.name(offset) ?? '';
    this.#accessStrings.set(offset, text);
    return text;
  }

  /** The instruction, from the function's start, that a record tells of by its offset in the section. */
  #instructionAt({ section, offset }: Placement, recordOffset: number): number {
    const at = (recordOffset - offset) / instructionSize;
    if (Number.isInteger(at)) return at;
    const words = 'a record of .BTF.ext points between two instructions';
    throw sectionError(this.#source, section, recordOffset, words);
  }
}

function firstAfter<T>(records: Records<T>, { offset, size }: Placement): number {
  return records.firstFrom(offset + size);
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
