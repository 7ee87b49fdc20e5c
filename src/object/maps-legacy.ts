/**
 * Maps of the old style: variables of section `maps` or `maps/NAME` that hold five 32-bit numbers (type, key size,
 * value size, entries, flags). Some loaders appended fields of their own, which must be zero here.
 */
import { Cursor } from '../bytes/cursor.js';
import type { ElfSection } from '../elf/elf.js';
import { XdpkitError } from '../errors/error.js';
import { mapDefaults, mapTypeName } from './map-defaults.js';
import type { DefinedMap } from './maps-btf.js';
import { type Source, sectionError, variablesOf } from './source.js';
import type { MapSpec } from './spec.js';

/** Before Linux 4.6 there were no flags. */
const shortestDefinition = 16;
const definitionSize = 20;

export function readLegacyMaps(source: Source, section: ElfSection): DefinedMap[] {
  const symbols = variablesOf(source, section);
  return symbols.map((symbol, index) => {
    const end = symbols[index + 1]?.value ?? section.data.length;
    const size = symbol.size || end - symbol.value;
    if (size < shortestDefinition || symbol.value + size > end) {
      const problem = `map ${symbol.name} is defined in ${size} bytes; at least ${shortestDefinition}, that no other map shares, are needed`;
      throw sectionError(source, section, Math.min(symbol.value, section.size), problem);
    }
    const bytes = section.data.subarray(symbol.value, symbol.value + size);
    return { offset: symbol.value, map: readDefinition(source, section, symbol.name, symbol.value, bytes) };
  });
}

function readDefinition(source: Source, section: ElfSection, name: string, at: number, bytes: Uint8Array): MapSpec {
  const where = `${source.name}, section ${section.name}`;
  const cursor = new Cursor(bytes, where, { littleEndian: source.elf.littleEndian, base: section.offset + at });
  const typeNumber = cursor.u32();
  const [keySize, valueSize, maxEntries] = [cursor.u32(), cursor.u32(), cursor.u32()];
  const flags = bytes.length >= definitionSize ? cursor.u32() : 0;
  if (bytes.subarray(cursor.offset).some((byte) => byte !== 0)) {
    throw new XdpkitError(
      'OBJECT_UNSUPPORTED',
      `Map ${name} of ${source.name} sets fields beyond the five of an old-style definition, whose meaning depends on its loader`,
      { hint: 'Define the map in section .maps, where every field has a name.' },
    );
  }
  const sizes = { keySize, valueSize, maxEntries, flags };
  const types = keyAndValueTypes(source, name, keySize, valueSize);
  return { ...mapDefaults, name, origin: 'legacy', type: mapTypeName(typeNumber), typeNumber, ...sizes, ...types };
}

/** `BPF_ANNOTATE_KV_PAIR` left the types of a map in a struct with a name made from the map's. */
function keyAndValueTypes(source: Source, name: string, keySize: number, valueSize: number) {
  const { btf } = source;
  const id = btf?.find('struct', `____btf_map_${name}`);
  const pair = btf && id !== undefined ? btf.type(id) : undefined;
  if (!btf || pair?.kind !== 'struct') return {};
  const [key, value] = pair.members;
  if (key?.name !== 'key' || value?.name !== 'value') return {};
  if (btf.sizeOf(key.type) !== keySize || btf.sizeOf(value.type) !== valueSize) return {};
  return { keyType: key.type, valueType: value.type };
}
