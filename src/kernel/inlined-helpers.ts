/** Helpers that the verifier put into a program as code, where that code can be told with certainty. */
import {
  aluOperation,
  assemble,
  call,
  exit,
  type Instruction,
  instructionClass,
  jumpOperation,
  mov,
} from '../asm/index.js';
import { decodeInstructions } from '../asm/instruction.js';
import { hostIsLittleEndian } from '../bytes/byte-order.js';
import { XdpkitError } from '../errors/error.js';
import { helpers } from '../uapi/bpf.generated.js';
import { loadBareProgram } from './load-bare.js';
import { readProgramCode } from './program-code.js';

export interface InlinedHelper {
  /** `bpf_get_smp_processor_id` */
  readonly name: string;
  /** Instructions that it became. */
  readonly length: number;
}

/** Helpers without arguments that some kernels put in: what they become is learnt by loading one. */
const learnt = ['get_smp_processor_id', 'jiffies64'] as const;

let signatures: readonly { readonly name: string; readonly code: readonly Instruction[] }[] | undefined;

function learn(): NonNullable<typeof signatures> {
  return learnt.flatMap((helper) => {
    try {
      using program = loadBareProgram(assemble(call(helpers[helper]), mov(0, 0), exit()), 'xdp');
      const bytes = readProgramCode(program.number).translated;
      const code = bytes === undefined ? [] : decodeInstructions(bytes, hostIsLittleEndian).slice(0, -2);
      // A single instruction is the call itself.
      return code.length > 1 ? [{ name: `bpf_${helper}`, code }] : [];
    } catch (error) {
      if (error instanceof XdpkitError) return [];
      throw error;
    }
  });
}

const equal = (one: Instruction | undefined, other: Instruction): boolean =>
  one !== undefined &&
  one.opcode === other.opcode &&
  one.destination === other.destination &&
  one.source === other.source &&
  one.offset === other.offset &&
  BigInt(one.immediate) === BigInt(other.immediate);

/** The helper whose code begins at an index of the instructions. Loads a program for each that it knows, once. */
export function inlinedAt(code: readonly Instruction[], index: number): InlinedHelper | undefined {
  signatures ??= learn();
  for (const { name, code: wanted } of signatures) {
    if (wanted.every((each, at) => equal(code[index + at], each))) return { name, length: wanted.length };
  }
  return arrayLookup(code, index);
}

const alu = (operation: number, byRegister: boolean): number =>
  instructionClass.alu64 | operation | (byRegister ? 0x08 : 0);
const loadWord = 0x61;
const loadDouble = 0x79;

/**
 * `array_map_gen_lookup` and `percpu_array_map_gen_lookup` of Linux `kernel/bpf/arraymap.c`: the map's values, the key, its
 * bound, the place, and for the latter this CPU's copy.
 */
function arrayLookup(code: readonly Instruction[], index: number): InlinedHelper | undefined {
  const [base, key, bound, ...rest] = code.slice(index, index + 10);
  if (base?.opcode !== alu(aluOperation.add, false) || base.destination !== 1) return undefined;
  if (key?.opcode !== loadWord || key.destination !== 0 || key.source !== 2 || key.offset !== 0) return undefined;
  if (bound?.opcode !== (instructionClass.jump | jumpOperation.greaterOrEqual) || bound.destination !== 0)
    return undefined;
  const masked = rest[0]?.opcode === (instructionClass.alu32 | aluOperation.and) ? 1 : 0;
  const [scaled, added, ...last] = rest.slice(masked);
  const scales = [alu(aluOperation.shiftLeft, false), alu(aluOperation.multiply, false)];
  if (!scales.includes(scaled?.opcode ?? 0) || scaled?.destination !== 0) return undefined;
  if (added?.opcode !== alu(aluOperation.add, true) || added.destination !== 0 || added.source !== 1) return undefined;
  const [pointer, copy] = last;
  const isPerCpu =
    pointer?.opcode === loadDouble && copy?.opcode === alu(aluOperation.move, true) && copy.offset === -1;
  const [leave, none] = isPerCpu ? last.slice(2) : last;
  if (leave?.opcode !== (instructionClass.jump | jumpOperation.always) || leave.offset !== 1) return undefined;
  if (none?.opcode !== alu(aluOperation.move, false) || none.destination !== 0 || Number(none.immediate) !== 0)
    return undefined;
  const length = 7 + masked + (isPerCpu ? 2 : 0);
  return { name: `bpf_map_lookup_elem of ${isPerCpu ? 'a per-CPU' : 'an'} array`, length };
}

/** Functions of the kernel that are called in a helper's place, which depend on the map: `include/linux/bpf.h`, map_ops. */
const operations: readonly [RegExp, string][] = [
  [/_map_lookup_elem$|^(__)?htab_.*_lookup_elem$|^trie_lookup_elem$/, 'bpf_map_lookup_elem'],
  [/_map_update_elem$|^trie_update_elem$/, 'bpf_map_update_elem'],
  [/_map_delete_elem$|^trie_delete_elem$/, 'bpf_map_delete_elem'],
  [/^(dev|dev_hash|cpu|xsk)_map_redirect$/, 'bpf_redirect_map'],
];

/** The helper that a call of a kernel function stands for; undefined where it is one itself, or nothing of the kind. */
export function helperOfOperation(called: string): string | undefined {
  if (called.startsWith('bpf_')) return undefined;
  return operations.find(([pattern]) => pattern.test(called))?.[1];
}
