/**
 * Maps defined by BTF: variables of section `.maps`, whose struct members spell the definition. A number is the length
 * of an array that is pointed to (`__uint`), a type is what is pointed to (`__type`). Source: libbpf `src/libbpf.c`
 * (`parse_btf_map_def`).
 */
import type { Btf } from '../btf/btf.js';
import type { BtfMember, TypeId } from '../btf/types.js';
import type { ElfSection } from '../elf/elf.js';
import { XdpkitError } from '../errors/error.js';
import { mapTypes } from '../uapi/bpf.generated.js';
import { mapDefaults, mapTypeName } from './map-defaults.js';
import { type FillableMap, readContents } from './maps-contents.js';
import { btfMapsSection } from './sections.js';
import { type Source, sectionError } from './source.js';
import type { MapSpec } from './spec.js';

/** A map and where in its section it is defined. */
export interface DefinedMap {
  readonly map: MapSpec;
  readonly offset: number;
}

type Draft = { -readonly [Field in keyof MapSpec]: MapSpec[Field] };

interface Definition {
  readonly btf: Btf;
  readonly struct: TypeId;
  readonly where: string;
  readonly draft: Draft;
}

export function readBtfMaps(source: Source, section: ElfSection): DefinedMap[] {
  const { btf, name } = source;
  const id = btf?.find('section', btfMapsSection);
  if (!btf || id === undefined) {
    throw new XdpkitError('OBJECT_UNSUPPORTED', `${name} has a .maps section but no BTF that describes it`, {
      hint: 'Compile with debug information (clang -g), and do not strip the section .BTF.',
    });
  }
  const data = btf.type(id);
  if (data.kind !== 'section') return [];
  const maps = data.variables.map(({ type, offset, size }): FillableMap => {
    const variable = btf.type(type);
    if (variable.kind !== 'variable') throw btf.error(type, 'stands in section .maps and is no variable');
    if (offset + size > section.size) {
      throw sectionError(source, section, offset, `map ${variable.name} reaches beyond the section`);
    }
    const map = readDefinition(btf, variable.type, variable.name, `${name}, map ${variable.name}`, false);
    return { offset, size, map, valuesAt: placeOfValues(btf, variable.type) };
  });
  const contents = readContents(source, section, maps);
  return maps.map(({ offset, map }) => ({ offset, map: { ...map, contents: contents.get(map.name) ?? [] } }));
}

/** Bytes from the start of a definition to its `values`, an array without a length that ends it. */
function placeOfValues(btf: Btf, type: TypeId): number | undefined {
  const struct = btf.type(btf.resolve(type));
  const last = struct.kind === 'struct' ? struct.members.at(-1) : undefined;
  return last?.name === 'values' ? last.bitOffset / 8 : undefined;
}

function readDefinition(btf: Btf, type: TypeId, name: string, where: string, inner: boolean): MapSpec {
  const struct = btf.resolve(type);
  const shape = btf.type(struct);
  if (shape.kind !== 'struct') throw btf.error(type, `defines map ${name} and is a ${shape.kind}, not a struct`);
  const draft: Draft = { name, origin: 'btf', type: '', typeNumber: 0, ...mapDefaults };
  const definition = { btf, struct, where, draft };
  for (const member of shape.members) {
    if (member.name === 'values' && member !== shape.members.at(-1)) {
      throw problem(definition, 'has "values" that other fields follow: it comes last');
    }
    readMember(definition, member, inner);
  }
  if (draft.typeNumber === 0) throw btf.error(struct, `defines map ${name} without a type`);
  draft.type = mapTypeName(draft.typeNumber);
  // A ring has no values; its value type tells what its records are.
  if (draft.typeNumber === mapTypes.ringbuf || draft.typeNumber === mapTypes.user_ringbuf) draft.valueSize = 0;
  return draft;
}

function readMember(definition: Definition, member: BtfMember, inner: boolean): void {
  const { draft } = definition;
  switch (member.name) {
    case 'type':
      draft.typeNumber = numberOf(definition, member);
      return;
    case 'max_entries':
      draft.maxEntries = numberOf(definition, member);
      return;
    case 'map_flags':
      draft.flags = numberOf(definition, member);
      return;
    case 'numa_node':
      draft.numaNode = numberOf(definition, member);
      return;
    case 'map_extra':
      draft.mapExtra = longOf(definition, member);
      return;
    case 'key_size':
      draft.keySize = agreed(definition, member, draft.keySize, numberOf(definition, member));
      return;
    case 'value_size':
      draft.valueSize = agreed(definition, member, draft.valueSize, numberOf(definition, member));
      return;
    case 'key':
      draft.keyType = pointedAt(definition, member);
      draft.keySize = agreed(definition, member, draft.keySize, definition.btf.sizeOf(draft.keyType));
      return;
    case 'value':
      draft.valueType = pointedAt(definition, member);
      draft.valueSize = agreed(definition, member, draft.valueSize, definition.btf.sizeOf(draft.valueType));
      return;
    case 'pinning':
      if (inner) throw problem(definition, 'is an inner map, which cannot be pinned');
      draft.pinning = pinningOf(definition, member);
      return;
    case 'values':
      if (inner) throw problem(definition, 'is an inner map that holds maps itself, which the kernel does not allow');
      readValues(definition, member);
      return;
    default:
      throw problem(definition, `has the unknown field ${member.name || '(without a name)'}`);
  }
}

/** `__array(values, …)`: what a map of maps, or a map of programs, holds. Its own values are 4-byte descriptors. */
function readValues(definition: Definition, member: BtfMember): void {
  const { btf, draft } = definition;
  const ofMaps = draft.typeNumber === mapTypes.array_of_maps || draft.typeNumber === mapTypes.hash_of_maps;
  if (!ofMaps && draft.typeNumber !== mapTypes.prog_array) {
    throw problem(definition, `has "values", which only maps of maps or programs have (and "type" comes first)`);
  }
  draft.valueSize = agreed(definition, member, draft.valueSize, 4);
  const array = btf.type(btf.resolve(member.type));
  const pointer = array.kind === 'array' ? btf.type(btf.resolve(array.type)) : undefined;
  if (pointer?.kind !== 'pointer') throw problem(definition, 'has "values" that are no array of pointers');
  if (!ofMaps) {
    if (btf.type(btf.resolve(pointer.type)).kind === 'function-prototype') return;
    throw problem(definition, 'is an array of programs with "values" that are no functions');
  }
  draft.inner = readDefinition(btf, pointer.type, `${draft.name}.inner`, `${definition.where}, inner map`, true);
}

function pinningOf(definition: Definition, member: BtfMember): MapSpec['pinning'] {
  const number = numberOf(definition, member);
  if (number > 1) throw problem(definition, `asks for the unknown kind of pinning ${number}`);
  return number === 1 ? 'by-name' : 'none';
}

function numberOf(definition: Definition, member: BtfMember): number {
  const { btf } = definition;
  const target = btf.type(btf.resolve(pointedAt(definition, member)));
  if (target.kind !== 'array') throw problem(definition, `has a field ${member.name} that is not written with __uint`);
  return target.length;
}

/** `__ulong` keeps a 64-bit number as the value of an enum. */
function longOf(definition: Definition, member: BtfMember): bigint {
  const { btf } = definition;
  const target = btf.type(btf.resolve(member.type));
  if (target.kind !== 'enum' && target.kind !== 'enum64') return BigInt(numberOf(definition, member));
  const [first] = target.values;
  if (!first) throw problem(definition, `has a field ${member.name} without a number`);
  return BigInt.asUintN(64, first.value);
}

function pointedAt(definition: Definition, member: BtfMember): TypeId {
  const { btf } = definition;
  const pointer = btf.type(btf.resolve(member.type));
  if (pointer.kind !== 'pointer') {
    throw problem(definition, `has a field ${member.name} that is written neither with __uint nor with __type`);
  }
  return pointer.type;
}

function agreed(definition: Definition, member: BtfMember, known: number, size: number): number {
  if (known === 0 || known === size) return size;
  throw problem(definition, `has a field ${member.name} of ${size} bytes, and says ${known} bytes elsewhere`);
}

function problem(definition: Definition, words: string) {
  return definition.btf.error(definition.struct, `(${definition.where}) ${words}`);
}
