/** Builders for the tiny programs that are written by hand, such as probes: `assemble(mov(0, 2), exit())`. */
import { encodeInstructions, type Instruction } from './instruction.js';
import { accessSize, aluOperation, immediateKind, instructionClass, loadMode, opcode, operand } from './opcodes.js';

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

export function exit(): Instruction {
  return { opcode: opcode.exit, destination: 0, source: 0, offset: 0, immediate: 0 };
}
