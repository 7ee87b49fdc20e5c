/**
 * What the definitions in section `.maps` fill their maps with: each pointer in `values` is a relocation, to another map
 * or to a program. Source: libbpf `src/libbpf.c` (`bpf_object__collect_map_relos`).
 */
import { type ElfSection, type ElfSymbol, symbolBinding, symbolType } from '../elf/elf.js';
import type { FormatError } from '../errors/error.js';
import { mapTypes } from '../uapi/bpf.generated.js';
import { isCode } from './functions.js';
import { textSection } from './sections.js';
import { type Source, sectionError } from './source.js';
import type { MapSpec, SlotSpec } from './spec.js';

/** A map as its definition stands in the section. */
export interface FillableMap {
  readonly map: MapSpec;
  /** Bytes from the start of the section, and how many. */
  readonly offset: number;
  readonly size: number;
  /** Bytes from the start of the definition; undefined where it has no `values`. */
  readonly valuesAt: number | undefined;
}

/** A pointer of the BPF machine. */
const pointerSize = 8;

/** By the name of the map, in order of index. */
export function readContents(
  source: Source,
  section: ElfSection,
  maps: readonly FillableMap[],
): ReadonlyMap<string, readonly SlotSpec[]> {
  const contents = new Map<string, SlotSpec[]>();
  const relocations = [...(source.elf.relocations.get(section.index) ?? [])].sort((a, b) => a.offset - b.offset);
  for (const { offset, symbol } of relocations) {
    const place: Place = { source, section, offset };
    const filled = maps.find((map) => map.offset <= offset && offset + pointerSize <= map.offset + map.size);
    if (filled === undefined) throw problem(place, 'a relocation lies outside of every map');
    const index = (offset - filled.offset - (filled.valuesAt ?? Number.POSITIVE_INFINITY)) / pointerSize;
    if (!Number.isInteger(index) || index < 0) {
      throw problem(place, `map ${filled.map.name}: a pointer stands elsewhere than in its "values"`);
    }
    const target = source.elf.symbols[symbol] as ElfSymbol;
    const slot = { index, ...targetOf(place, filled.map, target, maps) };
    const slots = contents.get(filled.map.name);
    if (slots === undefined) contents.set(filled.map.name, [slot]);
    else slots.push(slot);
  }
  return contents;
}

interface Place {
  readonly source: Source;
  readonly section: ElfSection;
  readonly offset: number;
}

function targetOf(
  place: Place,
  filled: MapSpec,
  symbol: ElfSymbol,
  maps: readonly FillableMap[],
): { readonly map: string } | { readonly program: string } {
  const { elf } = place.source;
  const name = symbol.name || 'something without a name';
  if (filled.typeNumber === mapTypes.prog_array) {
    const section = elf.sections[symbol.section];
    const isProgram =
      section !== undefined &&
      isCode(section) &&
      section.name !== textSection &&
      symbol.type === symbolType.function &&
      symbol.binding !== symbolBinding.local;
    if (isProgram) return { program: symbol.name };
    throw problem(place, `map ${filled.name} is filled with ${name}, which is no program`);
  }
  if (filled.typeNumber === mapTypes.hash_of_maps && filled.keySize !== 4) {
    throw problem(place, `map ${filled.name} is filled by index, and its keys have ${filled.keySize} bytes, not 4`);
  }
  const offset = symbol.value + addend(place);
  const inner = symbol.section === place.section.index ? maps.find((map) => map.offset === offset) : undefined;
  if (inner === undefined) throw problem(place, `map ${filled.name} is filled with ${name}, which is no map of .maps`);
  return { map: inner.map.name };
}

/** What is added to the symbol's value stands in the place that is relocated. */
function addend({ source, section, offset }: Place): number {
  const { data } = section;
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  return Number(view.getBigUint64(offset, source.elf.littleEndian));
}

function problem({ source, section, offset }: Place, words: string): FormatError {
  return sectionError(source, section, offset, words);
}
