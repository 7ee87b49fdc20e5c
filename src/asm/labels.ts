/** Jumps by name, for code that is put together from pieces. */
import type { Instruction } from './instruction.js';
import { opcode } from './opcodes.js';

/** An instruction, a place that can be jumped to, or a jump whose offset is filled in. */
export type CodeItem =
  | Instruction
  | { readonly label: string }
  | { readonly to: string; readonly instruction: Instruction };

export interface LabelledCode {
  readonly instructions: readonly Instruction[];
  /** In slots of 8 bytes, as jumps count: a 64-bit load takes two. */
  readonly labels: ReadonlyMap<string, number>;
}

/** A label that is jumped to must be there; a name stands once. */
export function placeLabels(items: readonly CodeItem[]): LabelledCode {
  const labels = new Map<string, number>();
  const placed: { readonly at: number; readonly instruction: Instruction; readonly to?: string }[] = [];
  let at = 0;
  for (const item of items) {
    if ('label' in item) {
      labels.set(item.label, at);
      continue;
    }
    const one = 'to' in item ? { at, ...item } : { at, instruction: item };
    placed.push(one);
    at += one.instruction.opcode === opcode.loadImmediate64 ? 2 : 1;
  }
  const instructions = placed.map(({ at, instruction, to }) => {
    if (to === undefined) return instruction;
    const target = labels.get(to);
    if (target === undefined) throw new RangeError(`there is no label ${to}`);
    return { ...instruction, offset: target - at - 1 };
  });
  return { instructions, labels };
}
