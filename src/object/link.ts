/**
 * From a program of a spec to the code that BPF_PROG_LOAD takes: the functions that it needs are appended, calls and
 * addresses patched. Pure: nothing of the spec is changed. Source: libbpf `src/libbpf.c` (`bpf_object__relocate`).
 */
import { callKind, immediateKind, instructionSize, opcode } from '../asm/opcodes.js';
import { setSourceRegister } from '../asm/slot.js';
import type { Btf } from '../btf/btf.js';
import { hostIsLittleEndian } from '../bytes/byte-order.js';
import { XdpkitError } from '../errors/error.js';
import type { ModulesOfTarget } from './core/candidates.js';
import { poisonInstruction } from './core/patch.js';
import { needsTarget, relocate, type UnresolvedRelocation } from './core/relocate.js';
import {
  loadOf,
  type ModuleReference,
  notResolved,
  type ResolvedExtern,
  type ResolvedExterns,
} from './resolved-externs.js';
import type { FunctionSpec, ObjectSpec, ProgramSpec } from './spec.js';

/** A map that the code names; the loader writes its descriptor into the immediate of instruction `at`. */
export interface MapReference {
  /** Instruction in the linked code; its source register already says how the kernel is to read the descriptor. */
  readonly at: number;
  readonly map: string;
  /** For the address of a map's value: bytes from its start, already in the code. */
  readonly offset?: number;
}

export interface UnresolvedReference extends UnresolvedRelocation {
  /** The function of the kernel that is called; undefined for types and fields. */
  readonly function?: string;
}

export interface LinkedProgram {
  readonly name: string;
  readonly code: Uint8Array;
  readonly maps: readonly MapReference[];
  /** Records of 8 bytes, `struct bpf_func_info`; empty where a function lacks its type. */
  readonly functionInfo: Uint8Array;
  /** Records of 16 bytes, `struct bpf_line_info`; empty where a function lacks its first line. */
  readonly lineInfo: Uint8Array;
  /** Where the code takes descriptors of modules' BTF. */
  readonly modules: readonly ModuleReference[];
  /** What has no answer in the kernel, by instruction of the linked code; the verifier refuses what of it is reached. */
  readonly unresolved: readonly UnresolvedReference[];
}

export interface LinkOptions {
  /** The types that CO-RE relocations are answered from: the running kernel's, or those of another one. */
  readonly target?: Btf | undefined;
  /** Where types that the target lacks are looked for: the kernel's modules, whose types go on with the target's. */
  readonly modules?: (() => ModulesOfTarget) | undefined;
  /** What the externs that the program refers to stand for. */
  readonly externs?: ResolvedExterns | undefined;
}

interface Placed {
  readonly function: FunctionSpec;
  /** Instruction at which it begins in the linked code. */
  readonly start: number;
}

const functionInfoSize = 8;
const lineInfoSize = 16;

/**
 * Throws `XdpkitError` BYTE_ORDER for code of the other byte order, OBJECT_UNSUPPORTED for references to what only a
 * kernel knows (externs that `externs` lacks, and CO-RE relocations without a target), CORE_RELOCATION for what does not fit the
 * target.
 */
export function linkProgram(spec: ObjectSpec, program: ProgramSpec, options: LinkOptions = {}): LinkedProgram {
  const littleEndian = spec.byteOrder === 'little';
  if (littleEndian !== hostIsLittleEndian) {
    throw new XdpkitError(
      'BYTE_ORDER',
      `${spec.name} was compiled for ${spec.byteOrder}-endian machines, unlike this`,
      {
        hint: 'Compile it for this machine with: xdpkit build FILE.c',
      },
    );
  }
  const { target, modules: modulesOfTarget, externs } = options;
  const placed = placeFunctions(spec, program);
  const functions = [...placed.values()];
  const code = new Uint8Array(lengthOf(functions) * instructionSize);
  const patch = patcher(code, littleEndian);
  const maps: MapReference[] = [];
  const modules: ModuleReference[] = [];
  const unresolved: UnresolvedReference[] = [];
  const relocated = relocate(
    spec,
    program,
    functions.map((each) => each.function),
    target && { btf: target, modules: modulesOfTarget },
  );
  /** Calls count from the instruction after themselves. */
  const distance = (target: number, at: number) => (placed.get(target)?.start ?? 0) - at - 1;

  for (const [index, { function: found, start }] of functions.entries()) {
    const fitted = relocated[index];
    code.set(fitted?.code ?? found.code, start * instructionSize);
    for (const each of fitted?.unresolved ?? []) unresolved.push({ ...each, at: start + each.at });
    for (const reference of found.references) {
      const at = start + reference.at;
      switch (reference.kind) {
        case 'call':
          patch(at, callKind.function, distance(reference.function, at));
          break;
        case 'function-address':
          patch(at, immediateKind.function, distance(reference.function, at), 0);
          break;
        case 'map':
          patch(at, immediateKind.mapDescriptor, 0, 0);
          maps.push({ at, map: reference.map });
          break;
        case 'map-value':
          patch(at, immediateKind.mapValue, 0, reference.offset);
          maps.push({ at, map: reference.map, offset: reference.offset });
          break;
        case 'extern': {
          const resolved = externs?.get(reference.name);
          if (!resolved) throw notResolved(spec, program, found, reference.name);
          const call = code[at * instructionSize] === opcode.call;
          if (resolved.kind === 'btf' && resolved.module !== undefined) {
            modules.push({ at, module: resolved.module, call });
          }
          if (!call) {
            const { source, low, high } = loadOf(resolved);
            patch(at, source, low, high);
          } else if (resolved.kind === 'btf') {
            patch(at, callKind.kernelFunction, resolved.id);
          } else {
            poisonInstruction({ view: new DataView(code.buffer), littleEndian }, at);
            unresolved.push({ at, problem: unresolvedCall(reference.name, resolved), function: reference.name });
          }
          break;
        }
      }
    }
  }
  return {
    name: program.name,
    code,
    maps,
    modules,
    functionInfo: functionInfo(functions, littleEndian),
    lineInfo: lineInfo(functions, littleEndian),
    unresolved,
  };
}

/** Writes what an instruction's immediate means and is; a 64-bit load has an upper half too. */
function patcher(code: Uint8Array, littleEndian: boolean) {
  const view = new DataView(code.buffer);
  return (at: number, source: number, immediate: number, upper?: number) => {
    const byte = at * instructionSize;
    setSourceRegister(code, byte, source, littleEndian);
    view.setInt32(byte + 4, immediate, littleEndian);
    if (upper !== undefined) view.setInt32(byte + instructionSize + 4, upper, littleEndian);
  };
}

function unresolvedCall(name: string, resolved: ResolvedExtern): string {
  const reason = resolved.kind === 'absent' ? resolved.reason : 'it is no function';
  return `it calls ${name}: ${reason}`;
}

/** Names of the externs that a program refers to, settings too. */
export function externsOf(spec: ObjectSpec, program: ProgramSpec): Set<string> {
  const names = new Set<string>();
  const place = (map: string, offset: number) => `${offset} ${map}`;
  const settings = new Map(
    spec.externs.flatMap((found) =>
      found.kind === 'setting' ? [[place(found.map, found.offset), found.name] as const] : [],
    ),
  );
  for (const { function: found } of placeFunctions(spec, program).values()) {
    for (const reference of found.references) {
      if (reference.kind === 'extern') names.add(reference.name);
      if (reference.kind !== 'map-value') continue;
      const name = settings.get(place(reference.map, reference.offset));
      if (name !== undefined) names.add(name);
    }
  }
  return names;
}

/** The functions that a program is made of, by their index in the spec: its own first, then each that it reaches, once. */
export function functionsOf(spec: ObjectSpec, program: ProgramSpec): number[] {
  return [...placeFunctions(spec, program).keys()];
}

/** Whether a program cannot be linked without the types of a target. */
export function programNeedsTarget(spec: ObjectSpec, program: ProgramSpec): boolean {
  return needsTarget([...placeFunctions(spec, program).values()].map((placed) => placed.function));
}

/** The program's own function first, then each function that is reached, once; by index. */
function placeFunctions(spec: ObjectSpec, program: ProgramSpec): Map<number, Placed> {
  const placed = new Map<number, Placed>();
  const waiting = [program.function];
  let start = 0;
  for (const index of waiting) {
    if (placed.has(index)) continue;
    const found = spec.functions[index];
    if (!found) throw new XdpkitError('MALFORMED', `${spec.name} has no function ${index} for ${program.name}`);
    placed.set(index, { function: found, start });
    start += found.code.length / instructionSize;
    for (const reference of found.references) {
      if (reference.kind === 'call' || reference.kind === 'function-address') waiting.push(reference.function);
    }
  }
  return placed;
}

function lengthOf(functions: readonly Placed[]): number {
  const last = functions[functions.length - 1];
  return last ? last.start + last.function.code.length / instructionSize : 0;
}

/** The kernel wants a record for each function, or none. */
function functionInfo(functions: readonly Placed[], littleEndian: boolean): Uint8Array {
  if (functions.some(({ function: { typeId } }) => typeId === undefined)) return new Uint8Array(0);
  const view = new DataView(new ArrayBuffer(functions.length * functionInfoSize));
  functions.forEach(({ function: { typeId }, start }, index) => {
    view.setUint32(index * functionInfoSize, start, littleEndian);
    view.setUint32(index * functionInfoSize + 4, typeId ?? 0, littleEndian);
  });
  return new Uint8Array(view.buffer);
}

/** The kernel wants the first instruction of each function to have its line, or no lines at all. */
function lineInfo(functions: readonly Placed[], littleEndian: boolean): Uint8Array {
  if (functions.some(({ function: { lines } }) => lines[0]?.at !== 0)) return new Uint8Array(0);
  const count = functions.reduce((sum, { function: { lines } }) => sum + lines.length, 0);
  const view = new DataView(new ArrayBuffer(count * lineInfoSize));
  let at = 0;
  for (const {
    function: { lines },
    start,
  } of functions) {
    for (const line of lines) {
      view.setUint32(at, start + line.at, littleEndian);
      view.setUint32(at + 4, line.fileNameOffset, littleEndian);
      view.setUint32(at + 8, line.lineOffset, littleEndian);
      view.setUint32(at + 12, line.lineColumn, littleEndian);
      at += lineInfoSize;
    }
  }
  return new Uint8Array(view.buffer);
}
