/** The code of a program in the kernel, as its verifier left it, for people to read. */
import {
  callKind,
  decodeInstructions,
  disassemble,
  type Instruction,
  immediateKind,
  instructionSize,
  opcode,
} from '../asm/index.js';
import { declarationOf, type SourceLine, sourcesAt } from '../btf/source-lines.js';
import { hostIsLittleEndian } from '../bytes/byte-order.js';
import { XdpkitError } from '../errors/error.js';
import { type KernelSymbols, readKernelSymbols } from '../linux/kernel-symbols.js';
import { hiddenCodeHint } from './context-layout.js';
import { type ContextUse, contextUses } from './context-uses.js';
import { helperOfOperation, type InlinedHelper, inlinedAt } from './inlined-helpers.js';
import { readKernelBtf } from './kernel-btf.js';
import { describeProgram } from './list-programs.js';
import { readProgramCode } from './program-code.js';
import { describeMaps } from './program-maps.js';

export interface ListedInstruction {
  /** A 64-bit load counts as two, as in the offsets of jumps. */
  readonly at: number;
  readonly bytes: Uint8Array;
  /** In the kernel's syntax, see `disassemble`. */
  readonly text: string;
  /** The map that a number in the text stands for. */
  readonly map: string | undefined;
  /** The field of the program's context that is read or written here, or a step on the way to it. */
  readonly context: ContextUse | undefined;
  /** The helper that the verifier put in as code, from here on, or calls by the function that does it for the map. */
  readonly inlined: InlinedHelper | undefined;
  /** How C declares the function that begins here. */
  readonly function: string | undefined;
  /** The line that the instructions from here on were made of, where it is another than before. */
  readonly source: SourceLine | undefined;
}

/**
 * Lists the translated code. Errors: `NOT_PERMITTED` where the kernel hides it. Source lines and functions since Linux
 * 5.0, for programs that were loaded with BTF.
 */
export function listProgram(fd: number): ListedInstruction[] {
  const info = describeProgram(fd);
  const code = readProgramCode(fd);
  if (code.translated === undefined) {
    throw new XdpkitError('NOT_PERMITTED', `read the code of program ${info.id}: the kernel hides it`, {
      hint: hiddenCodeHint,
    });
  }
  const btf = readKernelBtf(info.btfId);
  const maps = new Map(describeMaps(info.mapIds).map(({ id, name }) => [id, name]));
  const functions = new Map(
    code.functions.map(({ at, typeId }) => [
      at,
      btf === undefined ? undefined : { name: btf.type(typeId).name, typeId },
    ]),
  );
  const sources = sourcesAt(code.lines, btf);
  const nameOfCall = kernelCalls();
  const instructions = decodeInstructions(code.translated, hostIsLittleEndian);
  const uses = contextUses(info.type, instructions, new Set([0, ...functions.keys()]));
  let at = 0;
  return instructions.map((instruction, index): ListedInstruction => {
    const begin = at;
    at += instruction.opcode === opcode.loadImmediate64 ? 2 : 1;
    const declared = functions.get(begin);
    return {
      at: begin,
      bytes: (code.translated as Uint8Array).subarray(begin * instructionSize, at * instructionSize),
      text: disassemble(instruction, {
        call: (call) =>
          call.source === 1 ? besideCall(call, functions.get(begin + 1 + call.offset)?.name) : nameOfCall(call),
        wideImmediate: mapOperand,
      }),
      map: isOfMap(instruction) ? maps.get(mapId(instruction)) || undefined : undefined,
      context: uses.get(begin),
      inlined: inlinedAt(instructions, index) ?? calledFor(nameOfCall, instruction),
      function: declared && btf && declarationOf(btf, declared.typeId),
      source: sources.get(begin),
    };
  });
}

function calledFor(
  nameOf: (call: Instruction) => string | undefined,
  instruction: Instruction,
): InlinedHelper | undefined {
  if (instruction.opcode !== opcode.call || instruction.source !== callKind.helper) return undefined;
  const called = nameOf(instruction);
  const helper = called && helperOfOperation(called);
  return helper ? { name: helper, length: 1 } : undefined;
}

/** In translated code the offset says where a function is, and the immediate which of them it is. */
function besideCall({ offset }: Instruction, name: string | undefined): string {
  return `${offset < 0 ? '' : '+'}${offset}${name ? `#${name}` : ''}`;
}

/** Helpers are called by their distance from a symbol; symbols are read when the first such call is met. */
function kernelCalls(): (call: Instruction) => string | undefined {
  let symbols: KernelSymbols | undefined;
  return ({ immediate }) => {
    symbols ??= readKernelSymbols();
    const base = symbols.address('__bpf_call_base');
    return base === undefined ? undefined : symbols.nameAt(base + BigInt(immediate));
  };
}

function isOfMap({ opcode: code, source }: Instruction): boolean {
  return (
    code === opcode.loadImmediate64 && (source === immediateKind.mapDescriptor || source === immediateKind.mapValue)
  );
}

/** The kernel puts ids where the object had descriptors. */
function mapId({ immediate }: Instruction): number {
  return Number(BigInt.asUintN(32, BigInt(immediate)));
}

function mapOperand(instruction: Instruction): string | undefined {
  const high = BigInt(instruction.immediate) >> 32n;
  switch (instruction.source) {
    case immediateKind.mapDescriptor:
      return `map[id:${mapId(instruction)}]`;
    case immediateKind.mapValue:
      return `map[id:${mapId(instruction)}][0]+${high}`;
    case immediateKind.function: {
      const distance = mapId(instruction) | 0;
      return `subprog[${distance < 0 ? '' : '+'}${distance}]`;
    }
    default:
      return undefined;
  }
}
