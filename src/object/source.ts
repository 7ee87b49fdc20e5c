/** What the parts of the reader share: the ELF file, its BTF, and errors that name the object. */
import type { Btf } from '../btf/btf.js';
import type { BtfExt } from '../btf/ext.js';
import { type ElfFile, type ElfSection, type ElfSymbol, symbolType } from '../elf/elf.js';
import { FormatError } from '../errors/error.js';

export interface Source {
  /** The object's name in messages. */
  readonly name: string;
  readonly elf: ElfFile;
  readonly btf: Btf | undefined;
  readonly ext: BtfExt | undefined;
}

/** An error at `offset` bytes of a section, reported with the offset in the file. */
export function sectionError(source: Source, section: ElfSection, offset: number, problem: string): FormatError {
  return new FormatError(`${source.name}, section ${section.name}`, section.offset + offset, problem);
}

/** Variables of a section by their symbols, in order of offset. Compilers before LLVM 8 gave them neither type nor size. */
export function variablesOf({ elf }: Source, section: ElfSection): ElfSymbol[] {
  const inside = elf.symbols.filter((symbol) => symbol.section === section.index);
  const typed = inside.filter(({ type }) => type === symbolType.object);
  const found =
    typed.length > 0 ? typed : inside.filter(({ type, name }) => type === symbolType.none && !/^(\.L|$)/.test(name));
  return found.sort((left, right) => left.value - right.value);
}
