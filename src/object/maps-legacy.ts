/**
 * Maps of the old style: variables of section `maps` or `maps/NAME` that hold five 32-bit numbers (type, key size,
 * value size, entries, flags), and after them what each loader had a use for. Sources: iproute2 `include/bpf_elf.h`,
 * aya `aya-obj/src/maps.rs`, Linux `samples/bpf/bpf_load.h` (before 5.19).
 */
import { Cursor } from '../bytes/cursor.js';
import type { ElfSection } from '../elf/elf.js';
import { mapTypes } from '../uapi/bpf.generated.js';
import { mapDefaults, mapTypeName } from './map-defaults.js';
import type { DefinedMap } from './maps-btf.js';
import { type Source, sectionError, variablesOf } from './source.js';
import type { MapSpec, Remark, SlotSpec } from './spec.js';

/** Before Linux 4.6 there were no flags. */
const shortestDefinition = 16;
const definitionSize = 20;
/** With an id and the kind of pinning: aya's, of which iproute2's is longer by two. */
const withPinning = 28;
const withInner = 36;
const numaNodeFlag = 1 << 2;
const pinByName = 1;

interface Read extends DefinedMap {
  /** The number by which iproute2's definitions refer to each other. */
  readonly id: number;
  readonly innerId: number;
  /** The slot of the outer map that this one is put into; −1 for none. */
  readonly innerIndex: number;
}

/** `remark` is told what a definition says beyond what is understood. */
export function readLegacyMaps(source: Source, section: ElfSection, remark: (remark: Remark) => void): DefinedMap[] {
  const symbols = variablesOf(source, section);
  const maps = symbols.map((symbol, index) => {
    const end = symbols[index + 1]?.value ?? section.data.length;
    const size = symbol.size || end - symbol.value;
    if (size < shortestDefinition || symbol.value + size > end) {
      const problem = `map ${symbol.name} is defined in ${size} bytes; at least ${shortestDefinition}, that no other map shares, are needed`;
      throw sectionError(source, section, Math.min(symbol.value, section.size), problem);
    }
    const bytes = section.data.subarray(symbol.value, symbol.value + size);
    return readDefinition(source, section, symbol.name, symbol.value, bytes, remark);
  });
  return maps.map((each) => ({ offset: each.offset, map: withInnerMaps(each, maps) }));
}

function readDefinition(
  source: Source,
  section: ElfSection,
  name: string,
  at: number,
  bytes: Uint8Array,
  remark: (remark: Remark) => void,
): Read {
  const where = `${source.name}, section ${section.name}`;
  const cursor = new Cursor(bytes, where, { littleEndian: source.elf.littleEndian, base: section.offset + at });
  const typeNumber = cursor.u32();
  const [keySize, valueSize, maxEntries] = [cursor.u32(), cursor.u32(), cursor.u32()];
  const flags = bytes.length >= definitionSize ? cursor.u32() : 0;
  // Any other length belongs to a loader that is not known.
  const hasPinning = bytes.length === withPinning || bytes.length === withInner;
  const [id, sixth] = hasPinning ? [cursor.u32(), cursor.u32()] : [0, 0];
  const [innerId, innerIndex] = bytes.length === withInner ? [cursor.u32(), cursor.i32()] : [0, -1];
  // The kernel's samples had a NUMA node where others had the kind of pinning.
  const numaNode = bytes.length === withPinning && (flags & numaNodeFlag) !== 0 ? sixth : undefined;
  const pinning = numaNode === undefined ? sixth : 0;
  // iproute2 counts its name spaces, of which none is the pin folder.
  const byName = bytes.length === withPinning && pinning === pinByName;
  if (pinning !== 0 && !byName) {
    remark({ what: `map "${name}" is not pinned`, why: `its loader was to do that in a way of its own (${pinning})` });
  }
  const rest = bytes.subarray(cursor.offset);
  if (rest.some((byte) => byte !== 0)) {
    const why = 'they are for a loader of its own';
    remark({ what: `the ${rest.length} bytes after the definition of map "${name}" are left aside`, why });
  }
  const map: MapSpec = {
    ...mapDefaults,
    name,
    origin: 'legacy',
    type: mapTypeName(typeNumber),
    typeNumber,
    keySize,
    valueSize,
    maxEntries,
    flags,
    numaNode,
    pinning: byName ? 'by-name' : 'none',
    ...keyAndValueTypes(source, name, keySize, valueSize),
  };
  return { map, offset: at, id, innerId, innerIndex };
}

/** iproute2: the map whose id is asked for is the shape of the inner maps, and may be put into a slot of the outer one. */
function withInnerMaps({ map, innerId }: Read, all: readonly Read[]): MapSpec {
  const ofMaps = map.typeNumber === mapTypes.array_of_maps || map.typeNumber === mapTypes.hash_of_maps;
  if (!ofMaps || innerId === 0) return map;
  const inner = all.filter(({ id }) => id === innerId);
  const contents: SlotSpec[] = inner.flatMap(({ map: { name }, innerIndex }) =>
    innerIndex >= 0 ? [{ index: innerIndex, map: name }] : [],
  );
  return { ...map, inner: inner[0]?.map, contents };
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
