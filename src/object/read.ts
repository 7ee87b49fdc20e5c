/** From the bytes of an ELF object to its spec. Semantics as libbpf 1.x, and the old-style maps that it gave up. */
import { type Btf, readBtf } from '../btf/btf.js';
import { readBtfExt } from '../btf/ext.js';
import { layOutSections, type SectionLayout } from '../btf/layout.js';
import {
  type ElfFile,
  type ElfSection,
  type ElfSymbol,
  readElf,
  sectionType,
  symbolBinding,
  symbolType,
  symbolVisibility,
} from '../elf/elf.js';
import { FormatError } from '../errors/error.js';
import { readArenaData } from './arena.js';
import { readExterns, settingsAsGlobals, settingsDataMap, settingsMap } from './externs.js';
import { declareExterns } from './externs-btf.js';
import { type Placements, placeFunctions, readFunctions } from './functions.js';
import { hasValuesInCode } from './gnu.js';
import { type DefinedMap, readBtfMaps } from './maps-btf.js';
import { readDataMaps } from './maps-data.js';
import { readLegacyMaps } from './maps-legacy.js';
import { readStructOps } from './maps-struct-ops.js';
import type { Targets } from './references.js';
import {
  btfMapsSection,
  isDataSection,
  isLegacyMapsSection,
  isStructOpsSection,
  type ProgramKind,
  programKind,
  textSection,
} from './sections.js';
import type { Source } from './source.js';
import type { MapSpec, ObjectSpec, ProgramSpec, Remark } from './spec.js';

/**
 * Reads an object; `name` is its file's name, in errors and, without folder and ending, in the spec. The spec's BTF is
 * laid out as the kernel wants it. An object without programs is a valid spec. Throws `XdpkitError` NOT_ELF,
 * WRONG_MACHINE, OBJECT_UNSUPPORTED, or MALFORMED with section and offset.
 */
export function readObject(bytes: Uint8Array, name: string): ObjectSpec {
  const elf = readElf(bytes, name);
  const declared = readTypes(elf, name);
  const { externs, settingsLayout } = readExterns(elf, declared, name);
  const btf = declared && layOut(declared, elf, settingsLayout, name);
  const extSection = btf && findSection(elf, '.BTF.ext');
  const ext = extSection && readBtfExt(extSection.data, btf, `${name}, section .BTF.ext`);
  const source: Source = { name, elf, btf, ext };

  const placements = placeFunctions(source);
  const remarks: Remark[] = [];
  const defined = readDefinedMaps(source, placements, (remark) => remarks.push(remark));
  const data = readDataMaps(
    source,
    elf.sections.filter((section) => hasContents(section) && isDataSection(section.name)),
  );
  const arena = readArenaData(source, defined);
  const targets: Targets = {
    placements,
    maps: new Map([...defined].map(([section, maps]) => [section, namesByOffset(maps)])),
    data: arena ? new Map([...data.maps, [arena.section, arena.map]]) : data.maps,
    valuesInCode: hasValuesInCode(elf),
    externs: new Map(externs.map((found) => [found.name, found])),
    relocations: sortedRelocations(elf),
  };
  const settings = settingsLayout && settingsDataMap(settingsLayout.size, btf);
  const maps = [
    ...[...defined.values()].flat().map(({ map }) => (map.name === arena?.map.name ? arena.map : map)),
    ...data.maps.values(),
    ...(settings ? [settings] : []),
  ];
  checkNames(source, maps);
  return {
    name: name.replace(/^.*\//, '').replace(/(\.bpf)?\.o$/, ''),
    byteOrder: elf.littleEndian ? 'little' : 'big',
    license: readLicense(elf),
    kernelVersion: readVersion(elf),
    programs: readPrograms(elf, placements),
    functions: readFunctions(source, placements, targets),
    maps,
    globals: [...data.globals, ...settingsAsGlobals(externs)],
    externs,
    remarks,
    btf,
  };
}

function findSection(elf: ElfFile, name: string): ElfSection | undefined {
  return elf.sections.find((section) => section.name === name && hasContents(section));
}

function hasContents({ type }: ElfSection): boolean {
  return type === sectionType.progbits || type === sectionType.nobits;
}

function readTypes(elf: ElfFile, name: string): Btf | undefined {
  const section = findSection(elf, '.BTF');
  if (!section) return undefined;
  const where = `${name}, section .BTF`;
  const btf = readBtf(section.data, where);
  if (btf.byteOrder !== (elf.littleEndian ? 'little' : 'big')) {
    throw new FormatError(where, 0, 'its byte order is not that of the file');
  }
  return btf;
}

/** In the form that the kernel takes: externs declared as what stands for them, sections with sizes and offsets. */
function layOut(btf: Btf, elf: ElfFile, settings: SectionLayout | undefined, name: string): Btf {
  const where = `${name}, section .BTF`;
  const layouts = sectionLayouts(elf);
  if (settings) layouts.set(settingsMap, settings);
  return readBtf(layOutSections(declareExterns(btf, where), layouts, hiddenFunctions(elf)), where);
}

function sectionLayouts(elf: ElfFile): Map<string, SectionLayout> {
  const offsets = new Map<number, Map<string, number>>();
  for (const symbol of elf.symbols) {
    if (symbol.binding === symbolBinding.local || symbol.type === symbolType.function) continue;
    const inSection = offsets.get(symbol.section);
    if (inSection) inSection.set(symbol.name, symbol.value);
    else offsets.set(symbol.section, new Map([[symbol.name, symbol.value]]));
  }
  const layouts = new Map<string, SectionLayout>();
  for (const section of elf.sections) {
    if (!hasContents(section) || layouts.has(section.name)) continue;
    layouts.set(section.name, { size: section.size, offsets: offsets.get(section.index) ?? new Map() });
  }
  return layouts;
}

function hiddenFunctions(elf: ElfFile): Set<string> {
  const { internal, hidden } = symbolVisibility;
  const isHidden = ({ type, visibility }: ElfSymbol) =>
    type === symbolType.function && (visibility === internal || visibility === hidden);
  return new Set(elf.symbols.filter(isHidden).map(({ name }) => name));
}

/** Maps that have definitions, by the index of their section. */
function readDefinedMaps(
  source: Source,
  placements: Placements,
  remark: (remark: Remark) => void,
): Map<number, DefinedMap[]> {
  const defined = new Map<number, DefinedMap[]>();
  for (const section of source.elf.sections) {
    if (section.type !== sectionType.progbits || section.size === 0) continue;
    if (section.name === btfMapsSection) defined.set(section.index, readBtfMaps(source, section));
    else if (isLegacyMapsSection(section.name)) defined.set(section.index, readLegacyMaps(source, section, remark));
    else if (isStructOpsSection(section.name)) {
      defined.set(section.index, readStructOps(source, section, placements));
    }
  }
  return defined;
}

function namesByOffset(maps: readonly DefinedMap[]): Map<number, string> {
  return new Map(maps.map(({ offset, map }) => [offset, map.name]));
}

function checkNames(source: Source, maps: readonly MapSpec[]): void {
  const seen = new Set<string>();
  for (const { name } of maps) {
    if (name === '') throw new FormatError(source.name, 0, 'a map has no name');
    if (seen.has(name)) throw new FormatError(source.name, 0, `two maps are named ${name}`);
    seen.add(name);
  }
}

function sortedRelocations(elf: ElfFile): Targets['relocations'] {
  return new Map(
    [...elf.relocations].map(([section, list]) => [
      section,
      list.toSorted((left, right) => left.offset - right.offset),
    ]),
  );
}

/**
 * Global functions outside `.text` are programs; those in `.text`, and static ones, are there to be called. A function
 * that is alone in `.text` of an object without others is a program too.
 */
function readPrograms(elf: ElfFile, placements: Placements): ProgramSpec[] {
  const functions = [...placements.bySymbol].filter(([symbol]) => symbol.binding !== symbolBinding.local);
  const outside = functions.filter(([symbol]) => elf.sections[symbol.section]?.name !== textSection);
  const programs = outside.length === 0 && placements.list.length === 1 ? functions : outside;
  const kinds = new Map<string, ProgramKind | undefined>();
  return programs.map(([symbol, index]) => {
    const section = elf.sections[symbol.section]?.name ?? '';
    const kind = kinds.has(section) ? kinds.get(section) : programKind(section);
    kinds.set(section, kind);
    return {
      name: symbol.name,
      section,
      function: index,
      type: kind?.type,
      attachType: kind?.attachType,
      attachTo: kind?.attachTo,
      frags: kind?.frags ?? false,
      sleepable: kind?.sleepable ?? false,
    };
  });
}

function readLicense(elf: ElfFile): string {
  const data = findSection(elf, 'license')?.data ?? new Uint8Array(0);
  const end = data.indexOf(0);
  return new TextDecoder().decode(end === -1 ? data : data.subarray(0, end));
}

function readVersion(elf: ElfFile): number {
  const data = findSection(elf, 'version')?.data;
  if (!data || data.length < 4) return 0;
  return new DataView(data.buffer, data.byteOffset).getUint32(0, elf.littleEndian);
}
