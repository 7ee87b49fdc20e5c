/**
 * The numbers of the BPF instruction set. Source: Linux `Documentation/bpf/standardization/instruction-set.rst`,
 * `include/uapi/linux/bpf.h`. An opcode byte is class | mode | size for loads and stores, class | source | operation
 * for arithmetic and jumps.
 */

/** Bytes of one instruction slot; a 64-bit immediate load takes two. */
export const instructionSize = 8;

export const instructionClass = {
  load: 0x00,
  loadRegister: 0x01,
  storeImmediate: 0x02,
  storeRegister: 0x03,
  alu32: 0x04,
  jump: 0x05,
  jump32: 0x06,
  alu64: 0x07,
} as const;

export const loadMode = {
  immediate: 0x00,
  absolute: 0x20,
  indirect: 0x40,
  memory: 0x60,
  memorySignExtended: 0x80,
  atomic: 0xc0,
} as const;

export const accessSize = { word: 0x00, half: 0x08, byte: 0x10, double: 0x18 } as const;

/** Whether the second operand of arithmetic and jumps is the immediate or a register. */
export const operand = { immediate: 0x00, register: 0x08 } as const;

export const aluOperation = {
  add: 0x00,
  subtract: 0x10,
  multiply: 0x20,
  divide: 0x30,
  or: 0x40,
  and: 0x50,
  shiftLeft: 0x60,
  shiftRight: 0x70,
  negate: 0x80,
  modulo: 0x90,
  xor: 0xa0,
  move: 0xb0,
  arithmeticShiftRight: 0xc0,
  byteSwap: 0xd0,
} as const;

export const jumpOperation = {
  always: 0x00,
  equal: 0x10,
  greater: 0x20,
  greaterOrEqual: 0x30,
  bitsSet: 0x40,
  notEqual: 0x50,
  signedGreater: 0x60,
  signedGreaterOrEqual: 0x70,
  call: 0x80,
  exit: 0x90,
  less: 0xa0,
  lessOrEqual: 0xb0,
  signedLess: 0xc0,
  signedLessOrEqual: 0xd0,
} as const;

/** What a call means, by its source register (`BPF_PSEUDO_CALL`, `BPF_PSEUDO_KFUNC_CALL`). */
export const callKind = { helper: 0, function: 1, kernelFunction: 2 } as const;

/** What a 64-bit immediate load means, by its source register (`BPF_PSEUDO_…`). */
export const immediateKind = {
  number: 0,
  mapDescriptor: 1,
  mapValue: 2,
  btfId: 3,
  function: 4,
  mapIndex: 5,
  mapValueByIndex: 6,
} as const;

/** The whole opcode byte of the instructions that linkers look for. */
export const opcode = {
  loadImmediate64: instructionClass.load | loadMode.immediate | accessSize.double,
  call: instructionClass.jump | jumpOperation.call,
  exit: instructionClass.jump | jumpOperation.exit,
} as const;
