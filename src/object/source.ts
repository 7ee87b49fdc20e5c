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

/** Variables of a section by their symbols, in order of offset. */
export function variablesOf(source: Source, section: ElfSection): ElfSymbol[] {
  return source.elf.symbols
    .filter((symbol) => symbol.section === section.index && symbol.type === symbolType.object)
    .sort((left, right) => left.value - right.value);
}
