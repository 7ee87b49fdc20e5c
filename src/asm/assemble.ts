/** Builders for the tiny programs that are written by hand, such as probes: `assemble(mov(0, 2), exit())`. */
import { encodeInstructions, type Instruction } from './instruction.js';
import {
  accessSize,
  aluOperation,
  callKind,
  immediateKind,
  instructionClass,
  jumpOperation,
  loadMode,
  opcode,
  operand,
} from './opcodes.js';

export type AccessSize = keyof typeof accessSize;

/** Little-endian bytes, as BPF_PROG_LOAD takes them on x86-64 and arm64. */
export function assemble(...instructions: readonly Instruction[]): Uint8Array {
  return encodeInstructions(instructions, true);
}

/** The 64-bit register becomes the sign-extended immediate. */
export function mov(destination: number, immediate: number): Instruction {
  const code = instructionClass.alu64 | operand.immediate | aluOperation.move;
  return { opcode: code, destination, source: 0, offset: 0, immediate };
}

export function movRegister(destination: number, source: number): Instruction {
  const code = instructionClass.alu64 | operand.register | aluOperation.move;
  return { opcode: code, destination, source, offset: 0, immediate: 0 };
}

/** The lower 32 bits; the upper ones become zero. */
export function movRegister32(destination: number, source: number): Instruction {
  const code = instructionClass.alu32 | operand.register | aluOperation.move;
  return { opcode: code, destination, source, offset: 0, immediate: 0 };
}

/** destination = destination OPERATION source, in 64 bits. */
export function compute(operation: keyof typeof aluOperation, destination: number, source: number): Instruction {
  const code = instructionClass.alu64 | operand.register | aluOperation[operation];
  return { opcode: code, destination, source, offset: 0, immediate: 0 };
}

/** Adds a signed 32-bit immediate, as one does to the frame pointer to get an address on the stack. */
export function add(destination: number, immediate: number): Instruction {
  const code = instructionClass.alu64 | operand.immediate | aluOperation.add;
  return { opcode: code, destination, source: 0, offset: 0, immediate };
}

/** `kind` says what the number is: itself, a map's descriptor, … */
export function loadImmediate64(
  destination: number,
  immediate: bigint,
  kind: keyof typeof immediateKind = 'number',
): Instruction {
  return { opcode: opcode.loadImmediate64, destination, source: immediateKind[kind], offset: 0, immediate };
}

/** destination = *(size *)(source + offset) */
export function load(size: AccessSize, destination: number, source: number, offset: number): Instruction {
  const code = instructionClass.loadRegister | loadMode.memory | accessSize[size];
  return { opcode: code, destination, source, offset, immediate: 0 };
}

/** *(size *)(destination + offset) = source */
export function store(size: AccessSize, destination: number, offset: number, source: number): Instruction {
  const code = instructionClass.storeRegister | loadMode.memory | accessSize[size];
  return { opcode: code, destination, source, offset, immediate: 0 };
}

/** *(size *)(destination + offset) = immediate */
export function storeImmediate(size: AccessSize, destination: number, offset: number, immediate: number): Instruction {
  const code = instructionClass.storeImmediate | loadMode.memory | accessSize[size];
  return { opcode: code, destination, source: 0, offset, immediate };
}

/** Calls a helper by its number (`helpers` in `uapi/bpf.generated.ts`). */
export function call(helper: number): Instruction {
  return { opcode: opcode.call, destination: 0, source: 0, offset: 0, immediate: helper };
}

/** Calls a function of the program; a linker writes how far away it is. */
export function callFunction(distance = 0): Instruction {
  return { opcode: opcode.call, destination: 0, source: callKind.function, offset: 0, immediate: distance };
}

/** `offset` counts instructions from the one after this. */
export function jump(offset = 0): Instruction {
  const code = instructionClass.jump | jumpOperation.always;
  return { opcode: code, destination: 0, source: 0, offset, immediate: 0 };
}

/** Jumps where the 64-bit register compares so with the sign-extended immediate. */
export function jumpIf(
  operation: Exclude<keyof typeof jumpOperation, 'always' | 'call' | 'exit'>,
  destination: number,
  immediate: number,
  offset = 0,
): Instruction {
  const code = instructionClass.jump | operand.immediate | jumpOperation[operation];
  return { opcode: code, destination, source: 0, offset, immediate };
}

export function exit(): Instruction {
  return { opcode: opcode.exit, destination: 0, source: 0, offset: 0, immediate: 0 };
}
