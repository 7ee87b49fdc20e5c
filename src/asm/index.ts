export {
  type AccessSize,
  add,
  assemble,
  call,
  exit,
  load,
  loadImmediate64,
  mov,
  movRegister,
  store,
  storeImmediate,
} from './assemble.js';
export { disassemble, type InstructionNames } from './disassemble.js';
export { decodeInstructions, encodeInstructions, type Instruction } from './instruction.js';
export {
  accessSize,
  aluOperation,
  callKind,
  immediateKind,
  instructionClass,
  instructionSize,
  jumpOperation,
  loadMode,
  opcode,
  operand,
} from './opcodes.js';
