/**
 * Instructions as text, in the syntax of the kernel's own listings: what its verifier logs and `bpftool prog dump xlated`
 * shows. Follows `kernel/bpf/disasm.c` of Linux 6.18, whose words are data below; what it has no words for is `unknown`.
 */
import { helpers } from '../uapi/bpf.generated.js';
import type { Instruction } from './instruction.js';
import { aluOperation, callKind, instructionClass, jumpOperation, loadMode, operand } from './opcodes.js';

/** What only the surroundings of an instruction know; where they give nothing, the number itself is shown. */
export interface InstructionNames {
  /** For a call of a function: what follows `call pc` (`+5#count`). For any other: the name before `#`. */
  readonly call?: ((instruction: Instruction) => string | undefined) | undefined;
  /** For a 64-bit load: the operand, `map[id:5]`. */
  readonly wideImmediate?: ((instruction: Instruction) => string | undefined) | undefined;
}

const helperNames = new Map<number, string>(Object.entries(helpers).map(([name, number]) => [number, `bpf_${name}`]));

const aluOperators: Readonly<Record<number, string>> = {
  [aluOperation.add]: '+=',
  [aluOperation.subtract]: '-=',
  [aluOperation.multiply]: '*=',
  [aluOperation.divide]: '/=',
  [aluOperation.or]: '|=',
  [aluOperation.and]: '&=',
  [aluOperation.shiftLeft]: '<<=',
  [aluOperation.shiftRight]: '>>=',
  [aluOperation.modulo]: '%=',
  [aluOperation.xor]: '^=',
  [aluOperation.move]: '=',
  [aluOperation.arithmeticShiftRight]: 's>>=',
};

/** Division and modulo whose offset field is 1. */
const signedOperators: Readonly<Record<number, string>> = {
  [aluOperation.divide]: 's/=',
  [aluOperation.modulo]: 's%=',
};

const comparisons: Readonly<Record<number, string>> = {
  [jumpOperation.equal]: '==',
  [jumpOperation.greater]: '>',
  [jumpOperation.greaterOrEqual]: '>=',
  [jumpOperation.bitsSet]: '&',
  [jumpOperation.notEqual]: '!=',
  [jumpOperation.signedGreater]: 's>',
  [jumpOperation.signedGreaterOrEqual]: 's>=',
  [jumpOperation.less]: '<',
  [jumpOperation.lessOrEqual]: '<=',
  [jumpOperation.signedLess]: 's<',
  [jumpOperation.signedLessOrEqual]: 's<=',
};

/** By the size bits of the opcode. */
const bitsOfSize: Readonly<Record<number, number>> = { 0: 32, 8: 16, 16: 8, 24: 64 };

/** Offset field of a move that extends a sign: its width. */
const signExtensions: Readonly<Record<number, string>> = { 8: '(s8)', 16: '(s16)', 32: '(s32)' };
const addressSpaceCast = 1;
/** Only in translated code: the address in this CPU's copy. */
const perCpuAddress = -1;

const fetch = 0x01;
const exchange = 0xe1;
const compareExchange = 0xf1;
const loadAcquire = 0x100;
const storeRelease = 0x110;
/** By the immediate of an atomic operation, without `fetch`. */
const atomicOperations: Readonly<Record<number, { readonly operator: string; readonly name: string }>> = {
  [aluOperation.add]: { operator: '+=', name: 'add' },
  [aluOperation.or]: { operator: '|=', name: 'or' },
  [aluOperation.and]: { operator: '&=', name: 'and' },
  [aluOperation.xor]: { operator: '^=', name: 'xor' },
};

const conditionalJumpByKernel = instructionClass.jump | 0xe0;
const jumpByRegister = instructionClass.jump | jumpOperation.always | operand.register;

/** One instruction, `(b7) r0 = 2`; for one that the kernel has no words for, `(ff) unknown`. Never throws. */
export function disassemble(instruction: Instruction, names: InstructionNames = {}): string {
  const code = instruction.opcode.toString(16).padStart(2, '0');
  return `(${code}) ${textOf(instruction, names) ?? 'unknown'}`;
}

function textOf(instruction: Instruction, names: InstructionNames): string | undefined {
  switch (instruction.opcode & 7) {
    case instructionClass.alu32:
      return arithmetic(instruction, 'w');
    case instructionClass.alu64:
      return arithmetic(instruction, 'r');
    case instructionClass.jump:
      return jump(instruction, 'r', names);
    case instructionClass.jump32:
      return jump(instruction, 'w', names);
    case instructionClass.load:
      return load(instruction, names);
    case instructionClass.loadRegister:
      return loadRegister(instruction);
    case instructionClass.storeImmediate:
      return storeImmediate(instruction);
    default:
      return storeRegister(instruction);
  }
}

function arithmetic(instruction: Instruction, letter: 'r' | 'w'): string | undefined {
  const { opcode, destination, source, offset, immediate } = instruction;
  const operation = opcode & 0xf0;
  const byRegister = (opcode & operand.register) !== 0;
  const target = `${letter}${destination}`;
  if (operation === aluOperation.byteSwap) {
    const kind = letter === 'r' ? 'bswap' : byRegister ? 'be' : 'le';
    return `r${destination} = ${kind}${immediate} r${destination}`;
  }
  if (operation === aluOperation.negate) return `${target} = -${target}`;
  const operator = (offset === 1 ? signedOperators[operation] : undefined) ?? aluOperators[operation];
  if (operator === undefined) return undefined;
  if (!byRegister) return `${target} ${operator} ${immediate}`;
  if (operation === aluOperation.move && letter === 'r') {
    const spaces = Number(immediate);
    if (offset === addressSpaceCast)
      return `${target} = addr_space_cast(r${source}, ${spaces >>> 16}, ${spaces & 0xffff})`;
    if (offset === perCpuAddress) return `${target} = &(void __percpu *)(r${source})`;
  }
  const extension = operation === aluOperation.move ? (signExtensions[offset] ?? '') : '';
  return `${target} ${operator} ${extension}${letter}${source}`;
}

function jump(instruction: Instruction, letter: 'r' | 'w', names: InstructionNames): string | undefined {
  const { opcode, destination, source, offset, immediate } = instruction;
  if (opcode === (instructionClass.jump | jumpOperation.call)) return call(instruction, names);
  if (opcode === (instructionClass.jump | jumpOperation.always)) return `goto pc${signed(offset)}`;
  if (opcode === (instructionClass.jump32 | jumpOperation.always)) return `gotol pc${signed(Number(immediate))}`;
  if (opcode === (instructionClass.jump | jumpOperation.exit)) return 'exit';
  if (opcode === jumpByRegister) return `gotox r${destination}`;
  if (opcode === conditionalJumpByKernel && source === 0) return `may_goto pc${signed(offset)}`;
  const comparison = comparisons[opcode & 0xf0];
  if (comparison === undefined) return undefined;
  const right =
    (opcode & operand.register) !== 0 ? `${letter}${source}` : `0x${(Number(immediate) >>> 0).toString(16)}`;
  return `if ${letter}${destination} ${comparison} ${right} goto pc${signed(offset)}`;
}

function call(instruction: Instruction, { call: nameOf }: InstructionNames): string {
  const number = Number(instruction.immediate);
  if (instruction.source === callKind.function) return `call pc${nameOf?.(instruction) ?? signed(number)}`;
  const helper = instruction.source === callKind.helper ? helperNames.get(number) : undefined;
  const unnamed = instruction.source === callKind.kernelFunction ? 'kernel-function' : 'unknown';
  return `call ${helper ?? nameOf?.(instruction) ?? unnamed}#${number}`;
}

function load(instruction: Instruction, { wideImmediate }: InstructionNames): string | undefined {
  const { opcode, destination, source, immediate } = instruction;
  const bits = bitsOfSize[opcode & 0x18];
  switch (opcode & 0xe0) {
    case loadMode.absolute:
      return `r0 = *(u${bits} *)skb[${immediate}]`;
    case loadMode.indirect:
      return `r0 = *(u${bits} *)skb[r${source} + ${immediate}]`;
    case loadMode.immediate: {
      if (bits !== 64) return undefined;
      const number = BigInt.asUintN(64, BigInt(immediate));
      return `r${destination} = ${wideImmediate?.(instruction) ?? `0x${number.toString(16)}`}`;
    }
    default:
      return undefined;
  }
}

function loadRegister({ opcode, destination, source, offset }: Instruction): string | undefined {
  const mode = opcode & 0xe0;
  const bits = bitsOfSize[opcode & 0x18];
  const extendsSign = mode === loadMode.memorySignExtended;
  if ((mode !== loadMode.memory && !extendsSign) || (extendsSign && bits === 64)) return undefined;
  return `r${destination} = *(${extendsSign ? 's' : 'u'}${bits} *)(r${source} ${signed(offset)})`;
}

function storeImmediate({ opcode, destination, offset, immediate }: Instruction): string | undefined {
  const mode = opcode & 0xe0;
  if (mode === loadMode.memory) return `${place(opcode, destination, offset)} = ${immediate}`;
  // Only in translated code: a barrier against speculation.
  return mode === loadMode.atomic ? 'nospec' : undefined;
}

function storeRegister({ opcode, destination, source, offset, immediate }: Instruction): string | undefined {
  const mode = opcode & 0xe0;
  if (mode === loadMode.memory) return `${place(opcode, destination, offset)} = r${source}`;
  if (mode !== loadMode.atomic) return undefined;
  const number = Number(immediate);
  const address = (base: number): string => place(opcode, base, offset).slice(1);
  const width = bitsOfSize[opcode & 0x18] === 64 ? '64' : '';
  switch (number) {
    case exchange:
      return `r${source} = atomic${width}_xchg(${address(destination)}, r${source})`;
    case compareExchange:
      return `r0 = atomic${width}_cmpxchg(${address(destination)}, r0, r${source})`;
    case loadAcquire:
      return `r${destination} = load_acquire(${address(source)})`;
    case storeRelease:
      return `store_release(${address(destination)}, r${source})`;
  }
  const operation = atomicOperations[number & ~fetch];
  if (operation === undefined) return undefined;
  if ((number & fetch) === 0) return `lock ${place(opcode, destination, offset)} ${operation.operator} r${source}`;
  return `r${source} = atomic${width}_fetch_${operation.name}(${address(destination)}, r${source})`;
}

function place(opcode: number, base: number, offset: number): string {
  return `*(u${bitsOfSize[opcode & 0x18]} *)(r${base} ${signed(offset)})`;
}

function signed(number: number): string {
  return number < 0 ? String(number) : `+${number}`;
}
