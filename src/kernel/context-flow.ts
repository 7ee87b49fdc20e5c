/**
 * Where a program's context goes in its translated code: which registers and stack slots hold it, or a pointer read from
 * it, on every path that leads to an instruction. What is not certain is left out.
 */
import {
  aluOperation,
  callKind,
  type Instruction,
  instructionClass,
  jumpOperation,
  loadMode,
  opcode,
} from '../asm/index.js';
import type { Btf } from '../btf/btf.js';
import type { TypeId } from '../btf/types.js';
import { memberAt } from './struct-place.js';

/** A read or write of a struct that was reached from the context. */
export interface ContextAccess {
  /** Members on the way, as `struct.member`; the last one is what the instruction reads or writes. */
  readonly path: readonly string[];
  readonly isWrite: boolean;
}

type Known =
  | { readonly kind: 'struct'; readonly struct: TypeId; readonly path: readonly string[] }
  /** An address in the function's own frame; its offset from the frame's end, where that is known. */
  | { readonly kind: 'stack'; readonly offset: number | undefined };

interface State {
  readonly registers: (Known | undefined)[];
  /** Pointers that were put into the frame, by offset. */
  readonly slots: Map<number, Known>;
}

const somewhere: Known = { kind: 'stack', offset: undefined };
const framePointer = 10;
const argumentRegisters = [1, 2, 3, 4, 5];

export interface FlowInput {
  /** By slot: a 64-bit load takes two, the second of which is a hole. */
  readonly code: readonly (Instruction | undefined)[];
  /** Where functions begin; 0 is the program itself. */
  readonly functions: ReadonlySet<number>;
  readonly btf: Btf;
  /** The kernel's own struct that the context is. */
  readonly context: TypeId;
}

/** By slot. Empty for a program that jumps or calls to places that cannot be told. */
export function followContext(input: FlowInput): ReadonlyMap<number, ContextAccess> {
  const states = new Map<number, State>();
  const waiting: number[] = [];
  const arrive = (at: number, state: State): void => {
    const known = states.get(at);
    const joined = known ? join(known, state) : copy(state);
    if (joined === undefined) return;
    states.set(at, joined);
    waiting.push(at);
  };
  arrive(0, entry([undefined, { kind: 'struct', struct: input.context, path: [] }]));
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    const instruction = input.code[at];
    const state = states.get(at);
    if (instruction === undefined || state === undefined) return new Map();
    const after = copy(state);
    step(after, instruction, input);
    const places = successors(instruction, at, input.functions);
    if (places === undefined) return new Map();
    if (places.callee !== undefined) arrive(places.callee, entry(state.registers));
    for (const place of places.next) arrive(place, after);
  }
  return accesses(input, states);
}

/** What a function finds: its caller's pointers into the context, and a frame of its own. */
function entry(registers: readonly (Known | undefined)[]): State {
  const state: State = { registers: new Array(11).fill(undefined), slots: new Map() };
  for (const register of argumentRegisters) {
    const known = registers[register];
    if (known?.kind === 'struct') state.registers[register] = known;
  }
  state.registers[framePointer] = { kind: 'stack', offset: 0 };
  return state;
}

const copy = ({ registers, slots }: State): State => ({ registers: [...registers], slots: new Map(slots) });

/** What holds whichever way one came; undefined where nothing changed. */
function join(known: State, other: State): State | undefined {
  let changed = false;
  const registers = known.registers.map((one, index) => {
    const both = meet(one, other.registers[index]);
    if (!same(both, one)) changed = true;
    return both;
  });
  const slots = new Map<number, Known>();
  for (const [offset, one] of known.slots) {
    const both = meet(one, other.slots.get(offset));
    if (both) slots.set(offset, both);
    if (!same(both, one)) changed = true;
  }
  // A slot that may hold an address of the frame is never forgotten: a write may go there.
  for (const [offset, one] of other.slots) {
    if (one.kind !== 'stack' || known.slots.has(offset)) continue;
    slots.set(offset, somewhere);
    changed = true;
  }
  return changed ? { registers, slots } : undefined;
}

function meet(one: Known | undefined, other: Known | undefined): Known | undefined {
  if (same(one, other)) return one;
  return one?.kind === 'stack' || other?.kind === 'stack' ? somewhere : undefined;
}

function same(one: Known | undefined, other: Known | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  if (one.kind === 'stack') return other.kind === 'stack' && one.offset === other.offset;
  return other.kind === 'struct' && one.struct === other.struct && one.path.join() === other.path.join();
}

/** By the size bits of the opcode: bytes. */
const sizes: Readonly<Record<number, number>> = { 0: 4, 8: 2, 16: 1, 24: 8 };
const sizeOf = (code: number): number => sizes[code & 0x18] ?? 8;
const copyRegister = instructionClass.alu64 | 0x08 | aluOperation.move;
const addImmediate = instructionClass.alu64 | aluOperation.add;

function step(state: State, instruction: Instruction, { btf }: FlowInput): void {
  const { registers } = state;
  const { opcode: code, destination, source, offset, immediate } = instruction;
  switch (code & 7) {
    case instructionClass.alu64:
    case instructionClass.alu32: {
      const [target, other] = [registers[destination], registers[source]];
      if (code === copyRegister && offset === 0) registers[destination] = other;
      else if (code === addImmediate && target?.kind === 'stack') {
        const moved = target.offset === undefined ? undefined : target.offset + Number(immediate);
        registers[destination] = { kind: 'stack', offset: moved };
      } else {
        const usesSource = (code & 0x08) !== 0 && other?.kind === 'stack';
        const isFresh = (code & 0xf0) === aluOperation.move;
        registers[destination] = usesSource || (target?.kind === 'stack' && !isFresh) ? somewhere : undefined;
      }
      return;
    }
    case instructionClass.load:
      if (code === opcode.loadImmediate64) registers[destination] = undefined;
      else for (const register of [0, ...argumentRegisters]) registers[register] = undefined;
      return;
    case instructionClass.loadRegister:
      registers[destination] = loaded(state, instruction, btf);
      return;
    case instructionClass.storeImmediate:
    case instructionClass.storeRegister:
      stored(state, instruction);
      return;
    default:
      if (code === opcode.call) called(state);
  }
}

function loaded(
  { registers, slots }: State,
  { opcode: code, source, offset }: Instruction,
  btf: Btf,
): Known | undefined {
  const base = registers[source];
  const size = sizeOf(code);
  const isPlain = (code & 0xe0) === loadMode.memory;
  if (base?.kind === 'stack') {
    if (base.offset === undefined) return somewhere;
    return isPlain && size === 8 ? slots.get(base.offset + offset) : undefined;
  }
  if (base === undefined || !isPlain) return undefined;
  const place = memberAt(btf, base.struct, offset, size);
  if (place?.pointsTo === undefined) return undefined;
  return {
    kind: 'struct',
    struct: place.pointsTo,
    path: [...base.path, `${btf.type(base.struct).name}.${place.name}`],
  };
}

function stored({ registers, slots }: State, { opcode: code, destination, source, offset }: Instruction): void {
  const isAtomic = (code & 0xe0) === loadMode.atomic;
  const base = registers[destination];
  const value = (code & 7) === instructionClass.storeRegister && !isAtomic ? registers[source] : undefined;
  if (base?.kind === 'stack') {
    if (base.offset === undefined) forget(slots, Number.NEGATIVE_INFINITY);
    else {
      const at = base.offset + offset;
      for (const slot of slots.keys()) if (slot < at + sizeOf(code) && slot + 8 > at) slots.delete(slot);
      if (value && sizeOf(code) === 8) slots.set(at, value);
    }
  }
  // Many of them give back what was there before.
  if (isAtomic)
    for (const register of [0, source, destination]) if (register !== framePointer) registers[register] = undefined;
}

/** A function may write to where its arguments point, upwards from there, and to where pointers lead that it finds. */
function called({ registers, slots }: State): void {
  const isNested = [...slots.values()].some(({ kind }) => kind === 'stack');
  for (const register of argumentRegisters) {
    const argument = registers[register];
    if (argument?.kind !== 'stack') continue;
    forget(slots, isNested ? Number.NEGATIVE_INFINITY : (argument.offset ?? Number.NEGATIVE_INFINITY));
  }
  for (const register of [0, ...argumentRegisters]) registers[register] = undefined;
}

function forget(slots: Map<number, Known>, from: number): void {
  for (const [slot, known] of slots) {
    if (slot + 8 <= from) continue;
    if (known.kind === 'stack') slots.set(slot, somewhere);
    else slots.delete(slot);
  }
}

interface Places {
  readonly next: readonly number[];
  readonly callee: number | undefined;
}

/** Undefined for a jump or call to a place that the instruction does not tell. */
function successors(instruction: Instruction, at: number, functions: ReadonlySet<number>): Places | undefined {
  const { opcode: code, source, offset, immediate } = instruction;
  const plain = (...next: number[]): Places => ({ next, callee: undefined });
  const kind = code & 7;
  if (kind !== instructionClass.jump && kind !== instructionClass.jump32) {
    return plain(at + (code === opcode.loadImmediate64 ? 2 : 1));
  }
  switch (code & 0xf0) {
    case jumpOperation.exit:
      return plain();
    case jumpOperation.call: {
      if (source !== callKind.function) return plain(at + 1);
      const callee = at + 1 + offset;
      return functions.has(callee) ? { next: [at + 1], callee } : undefined;
    }
    case jumpOperation.always:
      if ((code & 0x08) !== 0) return undefined;
      return plain(at + 1 + (kind === instructionClass.jump32 ? Number(immediate) : offset));
    // A tail call in translated code goes on behind itself where it fails.
    default:
      return plain(at + 1, at + 1 + offset);
  }
}

function accesses({ code, btf }: FlowInput, states: ReadonlyMap<number, State>): Map<number, ContextAccess> {
  const found = new Map<number, ContextAccess>();
  for (const [at, { registers }] of states) {
    const { opcode: byte, destination, source, offset } = code[at] as Instruction;
    const kind = byte & 7;
    const isWrite = kind === instructionClass.storeRegister || kind === instructionClass.storeImmediate;
    if ((!isWrite && kind !== instructionClass.loadRegister) || (byte & 0xe0) !== loadMode.memory) continue;
    const base = registers[isWrite ? destination : source];
    if (base?.kind !== 'struct') continue;
    const place = memberAt(btf, base.struct, offset, sizeOf(byte));
    if (place === undefined) continue;
    found.set(at, { path: [...base.path, `${btf.type(base.struct).name}.${place.name}`], isWrite });
  }
  return found;
}
