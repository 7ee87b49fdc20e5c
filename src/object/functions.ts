/** The functions of an object: where their code lies, and what `.BTF.ext` says about it. */
import { instructionSize } from '../asm/opcodes.js';
import { type ElfFile, type ElfSection, type ElfSymbol, sectionFlag, sectionType, symbolType } from '../elf/elf.js';
import { FunctionRecords, withRecords } from './function-records.js';
import { readReferences, type Targets } from './references.js';
import { type Source, sectionError } from './source.js';
import type { FunctionSpec } from './spec.js';

/** Where a function lies, before anything is known about what its code refers to. */
export interface Placement {
  readonly name: string;
  readonly section: ElfSection;
  readonly offset: number;
  readonly size: number;
}

/** Functions in order of section and offset; two names for the same code are one function. */
export interface Placements {
  readonly list: readonly Placement[];
  /** Index into `list` of the function that a symbol names. */
  readonly bySymbol: ReadonlyMap<ElfSymbol, number>;
  /** Indexes into `list` by section, in order of offset. */
  readonly bySection: ReadonlyMap<number, readonly number[]>;
}

export function isCode(section: ElfSection): boolean {
  return section.type === sectionType.progbits && (section.flags & sectionFlag.executable) !== 0;
}

export function placeFunctions(source: Source): Placements {
  const { sections } = source.elf;
  const found = functionSymbols(source.elf).sort(
    (left, right) => left.section - right.section || left.value - right.value,
  );
  const list: Placement[] = [];
  const bySymbol = new Map<ElfSymbol, number>();
  const bySection = new Map<number, number[]>();
  for (const [index, symbol] of found.entries()) {
    const section = sections[symbol.section] as ElfSection;
    const size = symbol.type === symbolType.function ? symbol.size : sizeUntilNext(found, index, section);
    const placement = { name: symbol.name, section, offset: symbol.value, size };
    const before = list[list.length - 1];
    if (before?.section === section && before.offset === symbol.value && before.size === symbol.size) {
      bySymbol.set(symbol, list.length - 1);
      continue;
    }
    checkPlacement(source, placement, before);
    bySymbol.set(symbol, list.length);
    const inSection = bySection.get(section.index);
    if (inSection) inSection.push(list.length);
    else bySection.set(section.index, [list.length]);
    list.push(placement);
  }
  return { list, bySymbol, bySection };
}

/**
 * Compilers before LLVM 8, and assemblers that are not told, give functions neither type nor size: then every label of
 * code is one, but for those of blocks.
 */
function functionSymbols({ sections, symbols }: ElfFile): ElfSymbol[] {
  const labels = symbols.filter(({ section }) => isCodeAt(sections, section));
  const typed = labels.filter(({ type }) => type === symbolType.function);
  if (typed.length > 0) return typed;
  return labels.filter(({ type, name }) => type === symbolType.none && name !== '' && !/^(LBB|\.L)/.test(name));
}

function sizeUntilNext(sorted: readonly ElfSymbol[], index: number, section: ElfSection): number {
  const { value } = sorted[index] as ElfSymbol;
  let next = sorted[index + 1];
  // Two labels of one place.
  for (let at = index + 2; next?.section === section.index && next.value === value; at++) next = sorted[at];
  return (next?.section === section.index ? next.value : section.data.length) - value;
}

function isCodeAt(sections: readonly ElfSection[], index: number): boolean {
  const section = sections[index];
  return section !== undefined && isCode(section);
}

function checkPlacement(source: Source, placement: Placement, before: Placement | undefined): void {
  const { name, section, offset, size } = placement;
  const problem =
    size === 0 || size % instructionSize !== 0 || offset % instructionSize !== 0
      ? `function ${name} of ${size} bytes at ${offset} is no whole number of instructions`
      : offset + size > section.data.length
        ? `function ${name} reaches beyond the section`
        : before?.section === section && before.offset + before.size > offset
          ? `functions ${before.name} and ${name} overlap`
          : undefined;
  if (problem) throw sectionError(source, section, Math.min(offset, section.data.length), problem);
}

export function readFunctions(source: Source, placements: Placements, targets: Targets): FunctionSpec[] {
  const records = new FunctionRecords(source);
  return placements.list.map((placement) => {
    const { name, section, offset, size } = placement;
    return withRecords(records, placement, {
      name,
      section: section.name,
      offset,
      code: section.data.subarray(offset, offset + size),
      references: readReferences(source, placement, targets),
      typeId: records.typeId(placement),
    });
  });
}
