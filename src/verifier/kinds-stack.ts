/** Refusals of what a program does with its stack, and of accesses that are not aligned. */
import type { Explanation, KindOfRefusal } from './kind.js';
import type { Refusal } from './refusal.js';
import { bytes } from './state.js';

export const stackKinds: readonly KindOfRefusal[] = [
  {
    kind: 'uninitialised-stack',
    patterns: [
      /^invalid (?:indirect )?read from stack (?:(R\d+) )?off (-?\d+)\+(\d+) size (\d+)/,
      /^invalid (?:indirect )?read from stack (?:(R\d+) )?(var_off \S+ \S+)\+(\d+) size (\d+)/,
      /^corrupted spill memory|^attempt to corrupt spilled pointer on stack|^invalid size of register (?:spill|fill)/,
    ],
    explain: ([, register, off, at, size], refusal) => ({
      what:
        size === undefined
          ? 'it writes over part of a pointer that it had put on the stack, or reads it back in part'
          : `it reads ${bytes(Number(size))} of the stack${off?.startsWith('var_off') ? '' : ` at fp${off}`}, and byte ${at} of them was never written`,
      mend: giveItAValue(refusal, register),
    }),
  },
  {
    kind: 'stack-bounds',
    patterns: [
      /^invalid (?:\w+ )*?(?:access|read|write) (?:from|to) stack (R\d+) off=(-?\d+) size=(-?\d+)/,
      /^invalid (?:unbounded )?variable-offset (?:indirect |helper )?(?:access|read|write)? ?(?:from|to|of) stack (R\d+)/,
      /^invalid stack (?:type )?(R\d+)? ?off=(-?\d+) (?:access_)?size=(-?\d+)/,
      /^(R\d+) (?:variable offset )?stack pointer (?:arithmetic goes out of range|cannot be passed)/,
      /^(R\d+) variable stack access prohibited/,
    ],
    explain: ([, register, off, size], refusal) => stackBounds(refusal, register, off, size),
  },
  {
    kind: 'misaligned',
    patterns: [/^misaligned (\w+)(?: \w+)? access off .*?([-+]?\d+) size (\d+)/],
    explain: ([, memory, off, size], { access }) => ({
      what: `it ${access?.write ? 'writes' : 'reads'} ${bytes(Number(size))} at ${memory === 'stack' ? `fp${off}` : `byte ${off} of the ${memory}`}, which is no multiple of ${size}`,
      mend:
        memory === 'stack'
          ? `Put it at an offset that is a multiple of ${size}: give a packed struct or a byte array \`__attribute__((aligned(8)))\`, or copy it by __builtin_memcpy.`
          : 'Read it byte by byte, or with __builtin_memcpy into a variable; mark a struct that does not begin aligned as packed.',
      register: access && `R${access.base}`,
      access: access && { memory: memory ?? 'memory', offset: Number(off), size: Number(size), write: access.write },
    }),
  },
];

function giveItAValue(refusal: Refusal, register: string | undefined): string {
  const passed = register === undefined ? undefined : refusal.argument(register)?.replace(/^&/, '');
  const name = passed !== undefined && /^\w+$/.test(passed) ? passed : (refusal.pointer?.name ?? 'x');
  return `Give the variable a value before it is read or passed on, padding included: \`__builtin_memset(&${name}, 0, sizeof(${name}));\``;
}

const stackSize = 512;

function stackBounds(
  refusal: Refusal,
  register: string | undefined,
  off: string | undefined,
  size: string | undefined,
): Explanation {
  const state = refusal.state(register);
  if (off === undefined || size === undefined) {
    const range = state?.variable ? ` (${state.minimum} to ${state.maximum})` : '';
    return {
      what: `${refusal.does} the stack at an offset that it computed${range}, and may leave what it has there`,
      mend: `Bound the index by the array's size right before that line, as in \`index &= sizeof(array) - 1;\` for a size that is a power of two, or keep the array in a map.`,
      register,
    };
  }
  const inside = -Number(off);
  const access = { memory: 'stack', offset: Number(off), size: Number(size), write: /write/.test(refusal.reason) };
  if (!access.write && inside <= stackSize && Number(size) <= inside) {
    return {
      kind: 'uninitialised-stack',
      what: `${refusal.does} ${bytes(Number(size))} of the stack at fp${off}, which were never written`,
      mend: giveItAValue(refusal, register),
      register,
      access,
    };
  }
  return {
    what: `${refusal.does} ${bytes(Number(size))} of the stack at fp${off}, ${inside > stackSize ? `beyond its ${stackSize} bytes` : `where ${inside > 0 ? bytes(inside) : 'none'} are left`}`,
    mend:
      inside > stackSize
        ? `A stack has ${stackSize} bytes; keep what is larger in a per-CPU array of one entry.`
        : `Pass a size of at most ${Math.max(inside, 0)}, or a larger buffer; a stack has ${stackSize} bytes, and what is larger belongs in a per-CPU array of one entry.`,
    register,
    access,
  };
}
