/**
 * What a function's calls take of the 512 bytes of stack and the 8 frames that a program has in all, counted as the
 * verifier does. Source: Linux `kernel/bpf/verifier.c` (`check_max_stack_depth_subprog`).
 */
import { decodeInstructions, type Instruction } from '../../asm/instruction.js';
import { aluOperation, instructionClass, opcode, operand } from '../../asm/opcodes.js';
import { helpers } from '../../uapi/bpf.generated.js';
import type { FunctionSpec } from '../spec.js';

export interface Frame {
  readonly function: string;
  /** Bytes that its code reaches below the frame pointer. */
  readonly bytes: number;
}

export interface StackUse {
  /** The calls that take most, the function itself first. */
  readonly deepest: readonly Frame[];
  /** Bytes of them, each frame rounded up to 16. */
  readonly bytes: number;
  /** The longest way down, in frames. */
  readonly frames: number;
  /** Functions with bpf_tail_call, each with the bytes of the frames above it. */
  readonly tailCalls: readonly { readonly function: string; readonly above: number }[];
}

/**
 * With a JIT, and since Linux 6.9, frames are rounded up to 16 bytes; before, and without, to 32. What is too much by
 * the smaller measure is too much everywhere.
 */
export function frameSize(bytes: number): number {
  return Math.ceil(bytes / 16) * 16;
}

const framePointer = 10;
const slotSize = 8;

/**
 * What calling `first` takes. Functions that call themselves, which the verifier refuses,
 * are counted once. The code is in the byte order that the object has.
 */
export function measureStack(functions: readonly FunctionSpec[], first: number, littleEndian = true): StackUse {
  const done = new Map<number, Measured>();
  /** Callees before their callers. */
  const order: number[] = [];
  const underWay = new Set<number>();
  const visit = (index: number): Measured => {
    const known = done.get(index);
    if (known) return known;
    underWay.add(index);
    const found = functions[index] as FunctionSpec;
    const { bytes, tailCall } = measureFunction(found, littleEndian);
    const callees = calleesOf(found).filter((callee) => !underWay.has(callee));
    const below = callees.map(visit);
    const deepest = below.reduce<Measured | undefined>(
      (most, one) => (most && most.sum >= one.sum ? most : one),
      undefined,
    );
    const measured: Measured = {
      callees,
      tailCall,
      own: bytes,
      deepest: [{ function: found.name, bytes }, ...(deepest?.deepest ?? [])],
      sum: frameSize(bytes) + (deepest?.sum ?? 0),
      frames: 1 + below.reduce((most, { frames }) => Math.max(most, frames), 0),
    };
    underWay.delete(index);
    done.set(index, measured);
    order.push(index);
    return measured;
  };
  const { deepest, sum, frames } = visit(first);
  return { deepest, bytes: sum, frames, tailCalls: tailCallsOf(functions, done, order.toReversed()) };
}

interface Measured {
  readonly callees: readonly number[];
  readonly tailCall: boolean;
  readonly own: number;
  readonly deepest: readonly Frame[];
  readonly sum: number;
  readonly frames: number;
}

function tailCallsOf(
  functions: readonly FunctionSpec[],
  measured: ReadonlyMap<number, Measured>,
  callersFirst: readonly number[],
): StackUse['tailCalls'] {
  const above = new Map<number, number>();
  return callersFirst.flatMap((index) => {
    const { own, callees, tailCall } = measured.get(index) as Measured;
    const upper = above.get(index) ?? 0;
    for (const callee of callees) above.set(callee, Math.max(above.get(callee) ?? 0, upper + frameSize(own)));
    return tailCall ? [{ function: functions[index]?.name ?? '', above: upper }] : [];
  });
}

function calleesOf({ references }: FunctionSpec): number[] {
  return references.flatMap((one) => (one.kind === 'call' || one.kind === 'function-address' ? [one.function] : []));
}

function measureFunction({ code }: FunctionSpec, littleEndian: boolean): { bytes: number; tailCall: boolean } {
  const instructions = decodeInstructions(code, littleEndian);
  return {
    bytes: stackBytes(instructions),
    tailCall: instructions.some(
      ({ opcode: code, source, immediate }) => code === opcode.call && source === 0 && immediate === helpers.tail_call,
    ),
  };
}

/** Follows copies of the frame pointer from instruction to instruction, as compilers lay them out. */
function stackBytes(instructions: readonly Instruction[]): number {
  const offsets = new Map<number, number>([[framePointer, 0]]);
  let lowest = 0;
  const reach = (offset: number) => {
    lowest = Math.min(lowest, offset);
  };
  for (const { opcode: code, destination, source, offset, immediate } of instructions) {
    switch (code & 7) {
      case instructionClass.storeImmediate:
      case instructionClass.storeRegister:
        reach((offsets.get(destination) ?? 0) + (offsets.has(destination) ? offset : 0));
        break;
      case instructionClass.loadRegister:
        reach((offsets.get(source) ?? 0) + (offsets.has(source) ? offset : 0));
        offsets.delete(destination);
        break;
      case instructionClass.alu64: {
        const base = code === moveRegister ? offsets.get(source) : offsets.get(destination);
        if (code === moveRegister && base !== undefined) offsets.set(destination, base);
        else if (code === addImmediate && base !== undefined && destination !== framePointer) {
          offsets.set(destination, base + Number(immediate));
          reach(base + Number(immediate));
        } else if (destination !== framePointer) offsets.delete(destination);
        break;
      }
      case instructionClass.load:
      case instructionClass.alu32:
        offsets.delete(destination);
        break;
      default:
        if (code === opcode.call) for (let register = 0; register <= 5; register += 1) offsets.delete(register);
    }
  }
  // The verifier keeps track of slots of 8 bytes.
  return Math.ceil(-lowest / slotSize) * slotSize || 0;
}

const moveRegister = instructionClass.alu64 | operand.register | aluOperation.move;
const addImmediate = instructionClass.alu64 | operand.immediate | aluOperation.add;
