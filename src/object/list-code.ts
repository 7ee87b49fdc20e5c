/** The code of an object as it was compiled, for people to read: what the kernel or a linker fills in is shown by name. */
import { disassemble } from '../asm/disassemble.js';
import { decodeInstructions, type Instruction } from '../asm/instruction.js';
import { instructionSize, opcode } from '../asm/opcodes.js';
import type { Btf } from '../btf/btf.js';
import { declarationOf, type SourceLine, sourcesAt } from '../btf/source-lines.js';
import { XdpkitError } from '../errors/error.js';
import { readAccess } from './core/access.js';
import { relocationKind } from './core/kinds.js';
import { question } from './core/words.js';
import { functionsOf } from './link.js';
import type { CoreRelocation, FunctionSpec, ObjectSpec, Reference } from './spec.js';

export interface CompiledFunction {
  readonly name: string;
  readonly section: string;
  /** As C declares it; undefined where the object has no types. */
  readonly declaration: string | undefined;
  readonly instructions: readonly CompiledInstruction[];
}

export interface CompiledInstruction {
  /** From the function's start; a 64-bit load counts as two, as in the offsets of jumps. */
  readonly at: number;
  readonly bytes: Uint8Array;
  /** In the kernel's syntax, but for what it refers to by name: `(85) call count`, `(18) r1 = map[flows]`. */
  readonly text: string;
  /** What a loader puts in here. */
  readonly refersTo: NamedReference | undefined;
  /** What a CO-RE relocation asks of the kernel's types here: `asks for the offset of struct sk_buff.dev`. */
  readonly relocation: string | undefined;
  /** The line that the instructions from here on were made of, where it is another than before. */
  readonly source: SourceLine | undefined;
}

export type NamedReference =
  | { readonly kind: 'function' | 'map' | 'extern'; readonly name: string }
  /** A place in the value of a data section's map; `global` is the variable that begins there, or holds it. */
  | { readonly kind: 'data'; readonly name: string; readonly offset: number; readonly global: string | undefined };

/**
 * The functions of an object in the order of the file, or those that one of its programs is made of, its own first. Throws `XdpkitError`
 * PROGRAM_NOT_FOUND, and `FormatError` for code or relocations that are not sound.
 */
export function listCode(spec: ObjectSpec, program?: string): CompiledFunction[] {
  if (program === undefined) return spec.functions.map((_, index) => listFunction(spec, index));
  const found = spec.programs.find(({ name }) => name === program);
  if (found) return functionsOf(spec, found).map((index) => listFunction(spec, index));
  const names = spec.programs.map(({ name }) => name).join(', ');
  throw new XdpkitError('PROGRAM_NOT_FOUND', `${spec.name} has no program "${program}"`, {
    hint: names ? `It has ${names}.` : 'It has no programs.',
  });
}

/**
 * A function of the spec, by its index in `functions`, in the object's own byte order.
 */
function listFunction(spec: ObjectSpec, index: number): CompiledFunction {
  const found = spec.functions[index] as FunctionSpec;
  const { name, section, code, typeId } = found;
  const { btf } = spec;
  const references = new Map(found.references.map((reference) => [reference.at, reference]));
  const relocations = new Map(found.coreRelocations.map((relocation) => [relocation.at, relocation]));
  const sources = sourcesAt(
    found.lines.map(({ lineColumn, ...line }) => ({ ...line, line: lineColumn >>> 10, column: lineColumn & 1023 })),
    btf,
  );
  let next = 0;
  const instructions = decodeInstructions(code, spec.byteOrder === 'little').map((instruction): CompiledInstruction => {
    const at = next;
    next += instruction.opcode === opcode.loadImmediate64 ? 2 : 1;
    const reference = references.get(at);
    const refersTo = reference && nameReference(spec, reference);
    const relocation = relocations.get(at);
    return {
      at,
      bytes: code.subarray(at * instructionSize, next * instructionSize),
      text: textOf(instruction, refersTo),
      refersTo,
      relocation: relocation && btf && words(btf, relocation),
      source: sources.get(at),
    };
  });
  const declaration = btf && typeId !== undefined ? declarationOf(btf, typeId) : undefined;
  return { name, section, declaration, instructions };
}

function nameReference({ functions, globals }: ObjectSpec, reference: Reference): NamedReference {
  switch (reference.kind) {
    case 'call':
    case 'function-address':
      return { kind: 'function', name: functions[reference.function]?.name ?? `function ${reference.function}` };
    case 'map':
      return { kind: 'map', name: reference.map };
    case 'extern':
      return { kind: 'extern', name: reference.name };
    case 'map-value': {
      const { map: name, offset } = reference;
      const global = globals.find(
        (one) => one.map === name && one.offset <= offset && (offset < one.offset + one.size || offset === one.offset),
      );
      return { kind: 'data', name, offset, global: global?.name };
    }
  }
}

function textOf(instruction: Instruction, refersTo: NamedReference | undefined): string {
  if (refersTo === undefined) return disassemble(instruction);
  if (instruction.opcode === opcode.call) return `(85) call ${refersTo.name}`;
  return disassemble(instruction, { wideImmediate: () => operand(refersTo) });
}

function operand(refersTo: NamedReference): string {
  switch (refersTo.kind) {
    case 'function':
      return `function[${refersTo.name}]`;
    case 'map':
      return `map[${refersTo.name}]`;
    case 'data':
      return `map[${refersTo.name}][0]+${refersTo.offset}`;
    case 'extern':
      return `extern[${refersTo.name}]`;
  }
}

function words(btf: Btf, relocation: CoreRelocation): string {
  const kind = relocationKind(relocation.kind);
  if (kind === undefined) return `asks what is not known here (kind ${relocation.kind})`;
  return question(btf, readAccess(btf, relocation, kind), kind);
}
