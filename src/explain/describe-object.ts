/** What an object holds, in words: for people, and for tools of theirs that read JSON. */
import { decodeInstructions } from '../asm/instruction.js';
import { callKind, instructionSize, opcode } from '../asm/opcodes.js';
import type { Btf } from '../btf/btf.js';
import type { BtfValue } from '../btf/codec.js';
import { plainShape, shapeOf, type ValueShape } from '../btf/shape.js';
import { declarationOf, prototypeOf } from '../btf/source-lines.js';
import type { TypeId } from '../btf/types.js';
import { readElf } from '../elf/elf.js';
import { machineNone } from '../elf/machines.js';
import type { OpenedObject } from '../loader/open.js';
import { defaultRunConfig, type RunConfig, readRunConfig } from '../object/chain/run-config.js';
import { measureStack } from '../object/chain/stack.js';
import { relocationKind } from '../object/core/kinds.js';
import { externsOf, functionsOf } from '../object/link.js';
import type {
  ExternSpec,
  FunctionSpec,
  GlobalSpec,
  MapSpec,
  ObjectSpec,
  ProgramSpec,
  Remark,
  SlotSpec,
} from '../object/spec.js';
import { helpers as helperNumbers, mapFlags } from '../uapi/bpf.generated.js';
import { type LeastRelease, leastRelease } from './least-release.js';

export interface ObjectDescription {
  readonly name: string;
  readonly byteOrder: 'little' | 'big';
  /** As the file's header has it: old compilers name none. Undefined for a spec that was not read from a file. */
  readonly machine: 'bpf' | 'none' | undefined;
  /** Empty where it has none. */
  readonly license: string;
  /** Of the section `version`; undefined where it is absent. */
  readonly kernelVersion: number | undefined;
  /** As the kernel gets it. */
  readonly btf: { readonly types: number; readonly bytes: number } | undefined;
  readonly programs: readonly ProgramDescription[];
  /** Functions that are no programs, and are called by them. */
  readonly subPrograms: readonly FunctionDescription[];
  readonly maps: readonly MapDescription[];
  readonly globals: readonly GlobalDescription[];
  readonly externs: readonly ExternDescription[];
  readonly remarks: readonly Remark[];
}

export interface FunctionDescription {
  readonly name: string;
  readonly section: string;
  /** As C declares it; undefined where the object has no types. */
  readonly declaration: string | undefined;
  /** Of 8 bytes: a 64-bit load counts as two. Its own, without those of what it calls. */
  readonly instructions: number;
}

export interface ProgramDescription extends FunctionDescription {
  readonly type: string | undefined;
  readonly attachType: string | undefined;
  readonly attachTo: string | undefined;
  readonly frags: boolean;
  readonly sleepable: boolean;
  /** With the sub-programs that it reaches: what the verifier gets. */
  readonly instructionsInAll: number;
  /** Names of the sub-programs that it reaches. */
  readonly subPrograms: readonly string[];
  /** Bytes of stack on the way that takes most, and frames on the longest, as the verifier counts them. */
  readonly stack: { readonly bytes: number; readonly frames: number };
  readonly maps: readonly string[];
  /** As in C: `bpf_map_lookup_elem`. */
  readonly helpers: readonly string[];
  readonly externs: readonly string[];
  /** How many CO-RE relocations ask what: `{ 'field offset': 3 }`. */
  readonly relocations: Readonly<Record<string, number>>;
  /** How an XDP program wants to stand in a chain; undefined where its source does not say (`XDP_RUN_CONFIG`). */
  readonly runConfig: RunConfig | undefined;
  /** At least, by the helpers, maps and features that it uses. */
  readonly needs: LeastRelease | undefined;
}

export interface MapDescription {
  readonly name: string;
  readonly origin: MapSpec['origin'];
  readonly type: string;
  readonly key: TypedSize;
  /** Of one CPU. */
  readonly value: TypedSize;
  /** 0 where the loader finds a number: one for each CPU. */
  readonly maxEntries: number;
  /** Names without BPF_F_, in small letters; bits without a name as `0x…`. */
  readonly flags: readonly string[];
  readonly pinning: MapSpec['pinning'];
  readonly numaNode: number | undefined;
  readonly mapExtra: bigint;
  readonly readOnly: boolean;
  /** The shape of the maps that a map of maps holds. */
  readonly inner: MapDescription | undefined;
  readonly contents: readonly SlotSpec[];
  /** Bytes that it is filled with; undefined for a map that begins empty. */
  readonly initialBytes: number | undefined;
}

export interface TypedSize {
  readonly bytes: number;
  readonly type: string | undefined;
}

export interface GlobalDescription extends Omit<GlobalSpec, 'type'> {
  readonly type: string | undefined;
  /** Before the load; undefined for a setting, which the running kernel answers. */
  readonly value: BtfValue | undefined;
  /** Of the value, for those who show it. */
  readonly shape: ValueShape;
}

export interface ExternDescription {
  readonly name: string;
  readonly kind: ExternSpec['kind'];
  readonly weak: boolean;
  /** As in C; undefined for what has none. */
  readonly type: string | undefined;
}

/** Asks no kernel, and takes objects of either byte order. Throws `FormatError` for code or types that are not sound. */
export function describeObject({ spec, globals, file }: OpenedObject): ObjectDescription {
  const { btf, kernelVersion } = spec;
  const programs = new Set(spec.programs.map((program) => program.function));
  return {
    name: spec.name,
    byteOrder: spec.byteOrder,
    machine: file && (readElf(file.bytes, file.path).machine === machineNone ? 'none' : 'bpf'),
    license: spec.license,
    kernelVersion: kernelVersion === 0 ? undefined : kernelVersion,
    btf: btf && { types: btf.count - 1, bytes: btf.bytes.length },
    programs: spec.programs.map((program) => describeProgram(spec, program)),
    subPrograms: spec.functions.filter((_, index) => !programs.has(index)).map((each) => describeFunction(spec, each)),
    maps: spec.maps.map((map) => describeMap(map, btf)),
    globals: spec.globals.map((global) => {
      const isSetting = spec.externs.some(({ kind, name }) => kind === 'setting' && name === global.name);
      return {
        ...global,
        type: typeName(btf, global.type),
        value: isSetting ? undefined : globals[global.name],
        shape: shapeOfGlobal(btf, global),
      };
    }),
    externs: spec.externs.map((found) => ({
      name: found.name,
      kind: found.kind,
      weak: found.weak,
      type: externType(btf, found),
    })),
    remarks: spec.remarks,
  };
}

function describeFunction({ btf }: ObjectSpec, { name, section, typeId, code }: FunctionSpec): FunctionDescription {
  const declaration = btf && typeId !== undefined ? declarationOf(btf, typeId) : undefined;
  return { name, section, declaration, instructions: code.length / instructionSize };
}

function describeProgram(spec: ObjectSpec, program: ProgramSpec): ProgramDescription {
  const { type, attachType, attachTo, frags, sleepable } = program;
  const littleEndian = spec.byteOrder === 'little';
  const [own, ...others] = functionsOf(spec, program).map((index) => spec.functions[index] as FunctionSpec);
  const all = [own as FunctionSpec, ...others];
  const config = readRunConfig(spec, program.name);
  const maps = unique(all.flatMap(({ references }) => references.flatMap((each) => ('map' in each ? [each.map] : []))));
  const helpers = unique(all.flatMap((each) => helpersOf(each, littleEndian)));
  const externs = [...externsOf(spec, program)];
  const { bytes, frames } = measureStack(spec.functions, program.function, littleEndian);
  return {
    ...describeFunction(spec, own as FunctionSpec),
    name: program.name,
    ...{ type, attachType, attachTo, frags, sleepable },
    instructionsInAll: all.reduce((sum, { code }) => sum + code.length / instructionSize, 0),
    subPrograms: others.map(({ name }) => name),
    stack: { bytes, frames },
    ...{ maps, helpers, externs },
    relocations: countRelocations(all),
    runConfig: config === defaultRunConfig ? undefined : config,
    needs: leastRelease({
      ...{ type, frags, sleepable },
      helpers: helpers.map((name) => name.replace(/^bpf_/, '')),
      mapTypes: spec.maps.filter(({ name }) => maps.includes(name)).map((map) => map.type),
      subPrograms: others.length > 0,
      variables: all.some(({ references }) => references.some(({ kind }) => kind === 'map-value')),
      kernelFunctions: spec.externs.some(
        ({ kind, name, weak }) => kind === 'function' && !weak && externs.includes(name),
      ),
    }),
  };
}

const helperNames = new Map<number, string>(
  Object.entries(helperNumbers).map(([name, number]) => [number, `bpf_${name}`]),
);

function helpersOf({ code, references }: FunctionSpec, littleEndian: boolean): string[] {
  const filledIn = new Set(references.map(({ at }) => at));
  const found: string[] = [];
  let at = 0;
  for (const instruction of decodeInstructions(code, littleEndian)) {
    if (instruction.opcode === opcode.call && instruction.source === callKind.helper && !filledIn.has(at)) {
      const number = Number(instruction.immediate);
      found.push(helperNames.get(number) ?? `helper ${number}`);
    }
    at += instruction.opcode === opcode.loadImmediate64 ? 2 : 1;
  }
  return found;
}

function countRelocations(functions: readonly FunctionSpec[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { kind: number } of functions.flatMap(({ coreRelocations }) => coreRelocations)) {
    const kind = relocationKind(number);
    const name = kind ? `${kind.of} ${kind.question}` : `kind ${number}`;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

function describeMap(map: MapSpec, btf: Btf | undefined): MapDescription {
  const { name, origin, type, maxEntries, pinning, numaNode, mapExtra, readOnly, inner, contents } = map;
  return {
    ...{ name, origin, type },
    key: { bytes: map.keySize, type: typeName(btf, map.keyType) },
    value: { bytes: map.valueSize, type: typeName(btf, map.valueType) },
    ...{ maxEntries, flags: flagNames(map.flags), pinning, numaNode, mapExtra, readOnly },
    inner: inner && describeMap(inner, btf),
    contents,
    initialBytes: map.initialValue?.length,
  };
}

function flagNames(flags: number): string[] {
  const names: string[] = [];
  let left = flags >>> 0;
  for (const [name, bit] of Object.entries(mapFlags)) {
    if ((left & bit) === 0) continue;
    names.push(name);
    left = (left & ~bit) >>> 0;
  }
  return left === 0 ? names : [...names, `0x${left.toString(16)}`];
}

/** Id 0 is `void`: of a map's key it says nothing. */
function typeName(btf: Btf | undefined, type: TypeId | undefined): string | undefined {
  return btf && type !== undefined && type !== 0 ? btf.nameOf(type) : undefined;
}

/** As the codecs of global variables are chosen. */
function shapeOfGlobal(btf: Btf | undefined, { type, size }: GlobalSpec): ValueShape {
  return btf && type !== undefined && btf.sizeOf(type) === size ? shapeOf(btf, type) : plainShape(size);
}

function externType(btf: Btf | undefined, found: ExternSpec): string | undefined {
  if (!btf || !('type' in found)) return undefined;
  return found.kind === 'function' ? prototypeOf(btf, found.type, found.name) : btf.nameOf(found.type);
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names)];
}
