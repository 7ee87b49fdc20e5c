/**
 * Data sections: each becomes an array map with one value, the section's contents, and each variable a global. Named
 * after the section; the kernel's own name for it begins with the object's. Source: libbpf `src/libbpf.c`
 * (`bpf_object__init_internal_map`).
 */
import type { ElfSection } from '../elf/elf.js';
import { mapTypes } from '../uapi/bpf.generated.js';
import { mapDefaults } from './map-defaults.js';
import { isReadOnlyData } from './sections.js';
import { type Source, sectionError, variablesOf } from './source.js';
import type { GlobalSpec, MapSpec } from './spec.js';

const readOnlyForPrograms = 1 << 7;
const memoryMappable = 1 << 10;
/** Of all data sections of an object; sections of a damaged file may overlap, and their contents are copied. */
const largestData = 64 * 1024 * 1024;

export interface DataMaps {
  /** By the index of their section. */
  readonly maps: ReadonlyMap<number, MapSpec>;
  readonly globals: readonly GlobalSpec[];
}

export function readDataMaps(source: Source, sections: readonly ElfSection[]): DataMaps {
  const maps = new Map<number, MapSpec>();
  const globals: GlobalSpec[] = [];
  let total = 0;
  for (const section of sections) {
    if (section.size === 0) continue;
    total += section.size;
    if (total > largestData) throw sectionError(source, section, 0, `data sections take ${total} bytes together`);
    maps.set(section.index, dataMap(source, section));
    globals.push(...globalsOf(source, section));
  }
  return { maps, globals };
}

function dataMap(source: Source, section: ElfSection): MapSpec {
  const readOnly = isReadOnlyData(section.name);
  const type = source.btf?.find('section', section.name);
  // Kernels before 5.5 know no memory mapping; where no variable can be reached from outside it is not asked for.
  const mappable = type !== undefined && hasGlobalVariable(source, type);
  const initialValue = new Uint8Array(section.size);
  initialValue.set(section.data);
  return {
    ...mapDefaults,
    name: section.name,
    origin: 'data',
    type: 'array',
    typeNumber: mapTypes.array,
    keySize: 4,
    valueSize: section.size,
    maxEntries: 1,
    flags: (readOnly ? readOnlyForPrograms : 0) | (mappable ? memoryMappable : 0),
    valueType: type,
    initialValue,
    readOnly,
  };
}

function hasGlobalVariable({ btf }: Source, id: number): boolean {
  const section = btf?.type(id);
  if (!btf || section?.kind !== 'section') return false;
  return section.variables.some(({ type }) => {
    const variable = btf.type(type);
    return variable.kind === 'variable' && variable.linkage !== 'static';
  });
}

function globalsOf(source: Source, section: ElfSection): GlobalSpec[] {
  const { btf } = source;
  const map = section.name;
  const constant = isReadOnlyData(section.name);
  const id = btf?.find('section', section.name);
  const described = btf && id !== undefined ? btf.type(id) : undefined;
  const check = (name: string, offset: number, size: number) => {
    if (offset + size <= section.size) return { name, map, offset, size, constant };
    throw sectionError(source, section, 0, `variable ${name} reaches beyond the section`);
  };
  if (btf && described?.kind === 'section') {
    return described.variables.map(({ type, offset, size }) => {
      const variable = btf.type(type);
      if (variable.kind !== 'variable') throw btf.error(type, `stands in section ${map} and is no variable`);
      return { ...check(variable.name, offset, size), type: variable.type };
    });
  }
  return variablesOf(source, section)
    .filter(({ name }) => name !== '')
    .map(({ name, value, size }) => ({ ...check(name, value, size), type: undefined }));
}
