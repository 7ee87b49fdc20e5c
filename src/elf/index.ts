export {
  type ElfFile,
  type ElfRelocation,
  type ElfSection,
  type ElfSymbol,
  isElf,
  readElf,
  sectionFlag,
  sectionType,
  symbolBinding,
  symbolType,
  symbolVisibility,
} from './elf.js';
