/**
 * Sets of functions for the kernel to call (a congestion control, a scheduler): variables of sections `.struct_ops` and
 * `.struct_ops.link`, each a struct of the kernel's whose function pointers are relocations to programs. Source: libbpf
 * `src/libbpf.c` (`init_struct_ops_maps`, `bpf_object__collect_st_ops_relos`).
 */
import type { Btf } from '../btf/btf.js';
import type { BtfType } from '../btf/types.js';
import type { ElfSection, ElfSymbol } from '../elf/elf.js';
import { XdpkitError } from '../errors/error.js';
import { mapTypes } from '../uapi/bpf.generated.js';
import { isCode, type Placements } from './functions.js';
import { mapDefaults } from './map-defaults.js';
import type { DefinedMap } from './maps-btf.js';
import { type Source, sectionError } from './source.js';
import type { MapSpec, SlotSpec } from './spec.js';

/** BPF_F_LINK: it takes effect by a link, not by being written to the map. */
const takesLink = 1 << 13;

type Struct = Extract<BtfType, { readonly members: unknown }>;

export function readStructOps(source: Source, section: ElfSection, placements: Placements): DefinedMap[] {
  const { btf, name } = source;
  const id = btf?.find('section', section.name);
  const data = btf && id !== undefined ? btf.type(id) : undefined;
  if (!btf || data?.kind !== 'section') {
    throw new XdpkitError('OBJECT_UNSUPPORTED', `${name} has a section ${section.name} but no BTF that describes it`, {
      hint: 'Compile with debug information (clang -g), and do not strip the section .BTF.',
    });
  }
  const programs = programsByPlace(source, section, placements);
  return data.variables.map(({ type, offset }) => {
    const variable = btf.type(type);
    if (variable.kind !== 'variable') throw btf.error(type, `stands in section ${section.name} and is no variable`);
    const valueType = btf.resolve(variable.type);
    const struct = btf.type(valueType);
    if (struct.kind !== 'struct') throw btf.error(type, `stands in section ${section.name} and is no struct`);
    if (offset + struct.size > section.data.length) {
      throw sectionError(source, section, offset, `${variable.name} reaches beyond the section`);
    }
    const map: MapSpec = {
      ...mapDefaults,
      name: variable.name,
      origin: 'struct-ops',
      type: 'struct_ops',
      typeNumber: mapTypes.struct_ops,
      keySize: 4,
      valueSize: struct.size,
      maxEntries: 1,
      flags: section.name.endsWith('.link') ? takesLink : 0,
      valueType,
      contents: membersOf(btf, struct, offset, programs),
      initialValue: section.data.slice(offset, offset + struct.size),
    };
    return { map, offset };
  });
}

/** Which program a pointer of the section is relocated to, by the pointer's offset. */
function programsByPlace(source: Source, section: ElfSection, placements: Placements): Map<number, string> {
  const { elf } = source;
  const programs = new Map<number, string>();
  for (const { offset, symbol: index } of elf.relocations.get(section.index) ?? []) {
    const symbol = elf.symbols[index] as ElfSymbol;
    const target = elf.sections[symbol.section];
    const placed = placements.bySymbol.get(symbol);
    if (placed === undefined || target === undefined || !isCode(target)) {
      const words = `a pointer of it is relocated to ${symbol.name || 'something without a name'}, which is no program`;
      throw sectionError(source, section, Math.min(offset, section.data.length), words);
    }
    programs.set(offset, symbol.name);
  }
  return programs;
}

/** `index` counts the members of the struct. */
function membersOf(btf: Btf, struct: Struct, start: number, programs: ReadonlyMap<number, string>): SlotSpec[] {
  return struct.members.flatMap((member, index) => {
    const program = programs.get(start + member.bitOffset / 8);
    return program !== undefined && btf.type(btf.resolve(member.type)).kind === 'pointer' ? [{ index, program }] : [];
  });
}
