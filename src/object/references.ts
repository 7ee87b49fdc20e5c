/**
 * What a function's code refers to: by relocations, and by calls within a section, which need none. Source: Linux
 * `Documentation/bpf/llvm_reloc.rst`, libbpf `src/libbpf.c` (`bpf_program__record_reloc`).
 */
import { callKind, instructionSize, opcode } from '../asm/opcodes.js';
import { sourceRegister } from '../asm/slot.js';
import { type ElfRelocation, type ElfSymbol, symbolType, undefinedSection } from '../elf/elf.js';
import type { FormatError } from '../errors/error.js';
import type { Placement, Placements } from './functions.js';
import { type Source, sectionError } from './source.js';
import type { ExternSpec, MapSpec, Reference } from './spec.js';

/** What may be referred to, by ELF section. */
export interface Targets {
  readonly placements: Placements;
  /** Names of maps by section and by the offset of their definition. */
  readonly maps: ReadonlyMap<number, ReadonlyMap<number, string>>;
  readonly data: ReadonlyMap<number, MapSpec>;
  /** The code holds the values of symbols already, as the GNU assembler left them before version 2.41. */
  readonly valuesInCode: boolean;
  readonly externs: ReadonlyMap<string, ExternSpec>;
  /** Of each code section, in order of offset. */
  readonly relocations: ReadonlyMap<number, readonly ElfRelocation[]>;
}

interface Site {
  readonly source: Source;
  readonly function: Placement;
  readonly targets: Targets;
  readonly view: DataView;
  /** Byte offset in the section. */
  readonly offset: number;
}

export function readReferences(source: Source, placement: Placement, targets: Targets): Reference[] {
  const { section, offset: start, size } = placement;
  const { data } = section;
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  const { littleEndian } = source.elf;
  const relocations = targets.relocations.get(section.index) ?? [];
  const references: Reference[] = [];
  let next = firstAtOrAfter(relocations, start);
  const end = start + size;
  for (let offset = start; offset < end; ) {
    const relocation = relocations[next];
    offset = nextReference(data, offset, end, relocation?.offset ?? end, littleEndian);
    if (offset >= end) break;
    const site = { source, function: placement, targets, view, offset };
    if (relocation && relocation.offset < offset + instructionSize) {
      if (relocation.offset !== offset) throw problem(site, 'a relocation points between two instructions');
      references.push(relocated(site, relocation));
      next++;
    } else {
      references.push(callTo(site, section.index, offset + instructionSize));
    }
    offset += data[offset] === opcode.loadImmediate64 ? 2 * instructionSize : instructionSize;
  }
  return references;
}

/**
 * Where the next instruction is that has a relocation or calls a function of its section; `end` and beyond for none. Small,
 * as it sees all code: it is what V8 compiles, and compiling takes memory.
 */
function nextReference(data: Uint8Array, from: number, end: number, relocation: number, littleEndian: boolean): number {
  let offset = from;
  while (offset < end && offset + instructionSize <= relocation) {
    const code = data[offset];
    if (code === opcode.call && sourceRegister(data, offset, littleEndian) === callKind.function) return offset;
    offset += code === opcode.loadImmediate64 ? 2 * instructionSize : instructionSize;
  }
  return offset;
}

function relocated(site: Site, relocation: ElfRelocation): Reference {
  const { source, function: placement, offset } = site;
  const symbol = source.elf.symbols[relocation.symbol] as ElfSymbol;
  const code = placement.section.data[offset];
  if (code !== opcode.call && code !== opcode.loadImmediate64) {
    throw problem(site, `a relocation to ${named(symbol)} patches instruction 0x${code?.toString(16)}`);
  }
  const wide = code === opcode.loadImmediate64;
  if (wide && offset + 2 * instructionSize > placement.offset + placement.size) {
    throw problem(site, `the 64-bit load of ${named(symbol)} is cut off`);
  }
  if (symbol.section === undefinedSection) return externOf(site, symbol, wide);
  // A function's own symbol says all: what stands in the code beside it differs between assemblers.
  if (symbol.type === symbolType.function) {
    const target = functionAt(site, symbol.section, symbol.value);
    return { kind: wide ? 'function-address' : 'call', at: position(site), function: target };
  }
  if (!wide) return callTo(site, symbol.section, symbol.value + instructionSize);
  return addressOf(site, symbol);
}

function externOf(site: Site, symbol: ElfSymbol, wide: boolean): Reference {
  const found = site.targets.externs.get(symbol.name);
  const at = position(site);
  if (found?.kind === 'setting') {
    if (!wide) throw problem(site, `the setting ${found.name} is called`);
    return { kind: 'map-value', at, map: found.map, offset: found.offset };
  }
  if (!wide && (found?.kind === 'variable' || found?.kind === 'symbol')) {
    throw problem(site, `the kernel's variable ${found.name} is called`);
  }
  return { kind: 'extern', at, name: symbol.name };
}

/** A call counts from the instruction after itself; with a relocation, from the instruction after the symbol's. */
function callTo(site: Site, section: number, base: number): Reference {
  const target = functionAt(site, section, base + immediate(site) * instructionSize);
  return { kind: 'call', at: position(site), function: target };
}

function addressOf(site: Site, symbol: ElfSymbol): Reference {
  const { targets } = site;
  const at = position(site);
  const offset = immediate(site) + (targets.valuesInCode && symbol.type !== symbolType.section ? 0 : symbol.value);
  if (targets.placements.bySection.has(symbol.section)) {
    return { kind: 'function-address', at, function: functionAt(site, symbol.section, offset) };
  }
  const data = targets.data.get(symbol.section);
  if (data) {
    const size = data.initialValue?.length ?? data.valueSize;
    if (offset < 0 || offset > size) {
      throw problem(site, `offset ${offset} of ${data.name} is asked for, which has ${size} bytes`);
    }
    return { kind: 'map-value', at, map: data.name, offset };
  }
  const map = targets.maps.get(symbol.section)?.get(offset);
  if (map === undefined) {
    const section = site.source.elf.sections[symbol.section]?.name ?? `number ${symbol.section}`;
    throw problem(site, `${named(symbol)} is referred to, but section ${section} holds no map or variable there`);
  }
  return { kind: 'map', at, map };
}

function functionAt(site: Site, section: number, offset: number): number {
  const { list, bySection } = site.targets.placements;
  const candidates = bySection.get(section) ?? [];
  let low = 0;
  let high = candidates.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((list[candidates[middle] as number] as Placement).offset < offset) low = middle + 1;
    else high = middle;
  }
  const index = candidates[low];
  if (index !== undefined && list[index]?.offset === offset) return index;
  const name = site.source.elf.sections[section]?.name ?? `number ${section}`;
  throw problem(site, `a function at ${offset} of section ${name} is referred to, and none begins there`);
}

function firstAtOrAfter(relocations: readonly ElfRelocation[], offset: number): number {
  let low = 0;
  let high = relocations.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((relocations[middle] as ElfRelocation).offset < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

function immediate({ view, offset, source }: Site): number {
  return view.getInt32(offset + 4, source.elf.littleEndian);
}

function position({ offset, function: placement }: Site): number {
  return (offset - placement.offset) / instructionSize;
}

function named(symbol: ElfSymbol): string {
  return symbol.name || 'a symbol without a name';
}

function problem({ source, function: { section, name }, offset }: Site, words: string): FormatError {
  return sectionError(source, section, offset, `function ${name}: ${words}`);
}
