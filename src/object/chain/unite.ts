/**
 * Functions of several objects, with the maps and variables that they use, side by side in one: what a chain and a
 * wrapper are made of. What two objects call by the same name is told apart by the name of the part: `xdp_stats@filter`.
 */
import type { Btf } from '../../btf/btf.js';
import { type BtfShift, mergeBtf } from '../../btf/merge.js';
import type { TypeId } from '../../btf/types.js';
import { XdpkitError } from '../../errors/error.js';
import type { ExternSpec, FunctionSpec, GlobalSpec, MapSpec, ObjectSpec, ProgramSpec, Reference } from '../spec.js';
import { type GlueTypes, glueBtf } from './glue-types.js';
import { type PartExterns, uniteExterns } from './unite-externs.js';

export interface Part {
  /** Behind names that other parts use too. */
  readonly name: string;
  readonly spec: ObjectSpec;
  /** Indexes of the functions that are called; what they reach comes along, and nothing else of the object. */
  readonly entries: readonly number[];
}

/** What is written for the occasion: it comes first, so that its names, functions and types stay where they are. */
export interface Glue {
  readonly types: GlueTypes;
  readonly maps: readonly MapSpec[];
  /** That are taken. */
  readonly programNames: readonly string[];
  readonly functionCount: number;
  /** `entries`: where the entries of the parts went, one after the other. */
  readonly functions: (entries: readonly number[]) => readonly FunctionSpec[];
}

export interface United {
  readonly functions: readonly FunctionSpec[];
  readonly maps: readonly MapSpec[];
  readonly globals: readonly GlobalSpec[];
  /** That program arrays of the parts hold from the start. */
  readonly programs: readonly ProgramSpec[];
  readonly externs: readonly ExternSpec[];
  readonly btf: Btf;
  /** Of each part, in their order. */
  readonly parts: readonly UnitedPart[];
}

export interface UnitedPart {
  readonly entries: readonly number[];
  /** By the name in its own object. */
  readonly maps: ReadonlyMap<string, string>;
  readonly globals: ReadonlyMap<string, string>;
}

/** Throws PIN_MISMATCH for maps that are to have one pin and differ. */
export function unite(parts: readonly Part[], glue: Glue, name: string): United {
  const chosen = parts.map((part) => ({ ...part, ...reachable(part) }));
  const untyped = chosen.flatMap(({ spec, functions }) =>
    functions.flatMap((index) => {
      const found = spec.functions[index];
      return found === undefined || typeOf(spec, found) !== undefined ? [] : [found];
    }),
  );
  const types = glueBtf(
    glue.types,
    untyped.map((one) => one.name),
    parts[0]?.spec.byteOrder ?? 'little',
  );
  const typed = chosen.filter(({ spec }) => spec.btf !== undefined);
  const merged = mergeBtf(
    [
      { btf: types.btf },
      ...typed.map(({ spec, entries }) => ({ btf: spec.btf as Btf, staticFunctions: entryTypes(spec, entries) })),
    ],
    name,
  );
  const shiftOf = (spec: (typeof chosen)[number]): BtfShift | undefined => merged.shifts[typed.indexOf(spec) + 1];
  // A pin's path is made of the map's name: it stays.
  const pinned = chosen.flatMap((part) => part.maps.flatMap((map) => (map.pinning === 'by-name' ? [map.name] : [])));
  const names = new Names([...glue.maps.map((map) => map.name), ...pinned]);
  const globalNames = new Names([]);
  const programNames = new Names(glue.programNames);
  const programs: ProgramSpec[] = [];
  const maps: MapSpec[] = [...glue.maps];
  const globals: GlobalSpec[] = [];
  const functions: FunctionSpec[] = [];
  const asked: PartExterns[] = [];
  let nextUntyped = 0;

  const united = chosen.map((part): UnitedPart => {
    const { spec } = part;
    const shift = shiftOf(part);
    const type = (id: TypeId | undefined) => (id === undefined ? undefined : shift?.type(id));
    const own = new Map<string, string>();
    const inside = new Map<string, string>();
    const moved: MapSpec[] = [];
    for (const map of part.maps) {
      const byName = map.pinning === 'by-name';
      const shared = byName ? maps.find((one) => one.name === map.name) : undefined;
      if (shared) requireSame(map, shared, part.name);
      else moved.push(map);
      own.set(map.name, byName ? map.name : names.take(map.name, part.name));
    }
    for (const { name } of part.programs) inside.set(name, programNames.take(name, part.name));
    for (const map of moved) maps.push(moveMap(map, { spec, type, maps: own, programs: inside }));
    asked.push({
      externs: spec.externs,
      functions: part.functions.flatMap((index) => spec.functions[index] ?? []),
      maps: own,
      type: (id) => type(id) ?? id,
    });
    const ownGlobals = new Map<string, string>();
    for (const { name, map, offset, size, constant, type: id } of spec.globals) {
      const place = own.get(map);
      if (place === undefined) continue;
      const variable = { name: globalNames.take(name, part.name), map: place, offset, size, constant, type: type(id) };
      ownGlobals.set(name, variable.name);
      globals.push(variable satisfies Record<keyof GlobalSpec, unknown>);
    }
    const start = glue.functionCount + functions.length;
    const place = new Map(part.functions.map((index, at) => [index, start + at]));
    for (const index of part.functions) {
      const found = spec.functions[index] as FunctionSpec;
      const typeId = type(typeOf(spec, found)) ?? types.untyped[nextUntyped++];
      functions.push(moveFunction(found, { typeId, shift, place, maps: own }));
    }
    for (const program of part.programs) {
      const name = inside.get(program.name) ?? program.name;
      programs.push({ ...program, name, function: place.get(program.function) ?? -1 });
    }
    return { entries: part.entries.map((index) => place.get(index) ?? start), maps: own, globals: ownGlobals };
  });
  const written = glue.functions(united.flatMap(({ entries }) => entries));
  const externs = uniteExterns(asked);
  return { functions: [...written, ...functions], maps, globals, programs, externs, btf: merged.btf, parts: united };
}

/** Names as they are for whoever comes first. */
class Names {
  readonly #taken: Set<string>;

  constructor(taken: readonly string[]) {
    this.#taken = new Set(taken);
  }

  take(name: string, part: string): string {
    let free = this.#taken.has(name) ? `${name}@${part}` : name;
    for (let number = 2; this.#taken.has(free); number += 1) free = `${name}@${part}-${number}`;
    this.#taken.add(free);
    return free;
  }
}

function typeOf({ btf }: ObjectSpec, { typeId }: FunctionSpec): TypeId | undefined {
  return btf === undefined ? undefined : typeId;
}

/**
 * A function that is called as a sub-program is verified with what it is called with: a global one would be with
 * whatever its types allow, and where these name no context (`void *`) with none.
 */
function entryTypes(spec: ObjectSpec, entries: readonly number[]): ReadonlySet<TypeId> {
  const ids = entries.flatMap((index) => spec.functions[index]?.typeId ?? []);
  return new Set(ids.filter((id) => spec.btf?.kind(id) === 'function'));
}

interface Reachable {
  /** Indexes, the entries first. */
  readonly functions: readonly number[];
  readonly maps: readonly MapSpec[];
  readonly programs: readonly ProgramSpec[];
}

/** What the entries call and use, and what maps that they use hold from the start. */
function reachable({ spec, entries }: Part): Reachable {
  const functions = new Set(entries);
  const maps = new Set<string>();
  const programs = new Set<string>();
  // A set goes on with what is added while it is walked.
  const visitMaps = () => {
    for (const name of maps) {
      for (const slot of spec.maps.find((map) => map.name === name)?.contents ?? []) {
        if ('map' in slot) maps.add(slot.map);
        else programs.add(slot.program);
      }
    }
  };
  for (const index of functions) {
    const reached = spec.functions[index];
    if (reached === undefined) throw new XdpkitError('MALFORMED', `${spec.name} has no function ${index}`);
    for (const reference of reached.references) {
      if (reference.kind === 'call' || reference.kind === 'function-address') functions.add(reference.function);
      else if (reference.kind === 'map' || reference.kind === 'map-value') maps.add(reference.map);
    }
    visitMaps();
    for (const program of spec.programs) if (programs.has(program.name)) functions.add(program.function);
  }
  return {
    functions: [...functions],
    maps: spec.maps.filter(({ name }) => maps.has(name)),
    programs: spec.programs.filter(({ name }) => programs.has(name)),
  };
}

interface MovedNames {
  readonly spec: ObjectSpec;
  readonly type: (id: TypeId | undefined) => TypeId | undefined;
  readonly maps: ReadonlyMap<string, string>;
  readonly programs: ReadonlyMap<string, string>;
}

/** Every field by its name, so that one that is added has to be thought of here. */
function moveMap(map: MapSpec, moved: MovedNames): MapSpec {
  const { spec, type, maps, programs } = moved;
  return {
    name: maps.get(map.name) ?? map.name,
    kernelName: map.kernelName ?? (map.origin === 'data' ? `${spec.name.slice(0, 8)}${map.name}` : map.name),
    origin: map.origin,
    type: map.type,
    typeNumber: map.typeNumber,
    keySize: map.keySize,
    valueSize: map.valueSize,
    maxEntries: map.maxEntries,
    flags: map.flags,
    pinning: map.pinning,
    numaNode: map.numaNode,
    mapExtra: map.mapExtra,
    keyType: type(map.keyType),
    valueType: type(map.valueType),
    inner: map.inner && moveMap(map.inner, { ...moved, maps: new Map() }),
    contents: map.contents.map((slot) =>
      'map' in slot
        ? { index: slot.index, map: maps.get(slot.map) ?? slot.map }
        : { index: slot.index, program: programs.get(slot.program) ?? slot.program },
    ),
    initialValue: map.initialValue,
    readOnly: map.readOnly,
  } satisfies Record<keyof MapSpec, unknown>;
}

const shapeFields = ['type', 'keySize', 'valueSize', 'maxEntries', 'flags', 'mapExtra'] as const;

function requireSame(map: MapSpec, shared: MapSpec, part: string): void {
  const differences = shapeFields.filter((field) => map[field] !== shared[field]);
  if (differences.length === 0) return;
  const words = differences.map((field) => `${field} ${map[field]} and ${shared[field]}`).join(', ');
  throw new XdpkitError(
    'PIN_MISMATCH',
    `map "${map.name}" of ${part} is to be pinned by its name, as another of that name is in the chain, and they differ: ${words}`,
  );
}

interface Moved {
  readonly typeId: TypeId | undefined;
  readonly shift: BtfShift | undefined;
  /** Where the object's functions went. */
  readonly place: ReadonlyMap<number, number>;
  readonly maps: ReadonlyMap<string, string>;
}

function moveFunction(found: FunctionSpec, { typeId, shift, place, maps }: Moved): FunctionSpec {
  const lines = shift === undefined ? [] : found.lines;
  return {
    name: found.name,
    section: found.section,
    offset: found.offset,
    code: found.code,
    references: found.references.map((reference) => moveReference(reference, place, maps)),
    typeId,
    // The kernel wants a line for the first instruction of every function, or no lines at all.
    lines: [...(lines[0]?.at === 0 ? [] : [noLine]), ...lines].map(
      ({ at, fileNameOffset, lineOffset, lineColumn }) => ({
        at,
        fileNameOffset: shift?.string(fileNameOffset) ?? 0,
        lineOffset: shift?.string(lineOffset) ?? 0,
        lineColumn,
      }),
    ),
    coreRelocations: found.coreRelocations.map(({ at, type, accessString, kind }) => ({
      at,
      type: shift?.type(type) ?? type,
      accessString,
      kind,
    })),
  } satisfies Record<keyof FunctionSpec, unknown>;
}

const noLine = { at: 0, fileNameOffset: 0, lineOffset: 0, lineColumn: 0 };

function moveReference(
  reference: Reference,
  place: ReadonlyMap<number, number>,
  maps: ReadonlyMap<string, string>,
): Reference {
  switch (reference.kind) {
    case 'call':
    case 'function-address':
      return { ...reference, function: place.get(reference.function) ?? -1 };
    case 'map':
    case 'map-value':
      return { ...reference, map: maps.get(reference.map) ?? reference.map };
    case 'extern':
      return reference;
  }
}
