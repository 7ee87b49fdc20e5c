export {
  type AccessSize,
  add,
  assemble,
  call,
  callFunction,
  compute,
  exit,
  jump,
  jumpIf,
  load,
  loadImmediate64,
  mov,
  movRegister,
  movRegister32,
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
