/** What the members of a chain have to share, checked before the kernel is asked, with a number for each of them. */
import { XdpkitError } from '../../errors/error.js';
import type { FunctionSpec } from '../spec.js';
import { type Frame, measureStack, type StackUse } from './stack.js';

const mostStack = 512;
const mostFrames = 8;
/** The verifier's `BPF_MAX_SUBPROGS`. */
const mostFunctions = 256;
/** The verifier's `MAX_USED_MAPS`. */
const mostMaps = 64;
/** What may wait above a function with a tail call. */
const mostAboveTailCall = 256;

export interface MeasuredMember {
  readonly name: string;
  readonly stack: StackUse;
  /** How many maps its code names. */
  readonly maps: number;
}

/** The function that calls the members takes no stack, and so nothing waits above them. */
export function measureMembers(
  functions: readonly FunctionSpec[],
  members: readonly { readonly name: string; readonly entry: number }[],
  littleEndian: boolean,
): MeasuredMember[] {
  return members.map(({ name, entry }) => ({
    name,
    stack: measureStack(functions, entry, littleEndian),
    maps: reachedFrom(functions, entry).maps,
  }));
}

/** How many functions and maps the code of a function, and of what it calls, comes to; tail calls lead to other programs. */
function reachedFrom(functions: readonly FunctionSpec[], entry: number): { functions: number; maps: number } {
  const reached = new Set([entry]);
  const maps = new Set<string>();
  // A set goes on with what is added while it is walked.
  for (const index of reached) {
    for (const one of functions[index]?.references ?? []) {
      if (one.kind === 'call' || one.kind === 'function-address') reached.add(one.function);
      else if (one.kind === 'map' || one.kind === 'map-value') maps.add(one.map);
    }
  }
  return { functions: reached.size, maps: maps.size };
}

/** `functions`: the one that calls the members first. Throws `XdpkitError` CHAIN_LIMIT. */
export function requireLimits(
  what: string,
  members: readonly MeasuredMember[],
  functions: readonly FunctionSpec[],
): void {
  const sizes = `Of ${describeStack(members)}.`;
  for (const { name, stack } of members) {
    if (stack.bytes > mostStack) {
      throw new XdpkitError(
        'CHAIN_LIMIT',
        `${what}: "${name}" takes ${stack.bytes} bytes of stack in ${stack.deepest.map(describeFrame).join(', which calls ')}; ${mostStack} is what all functions that wait for each other have together`,
        { hint: `${sizes} Keep large values in a per-CPU array in the place of the stack.` },
      );
    }
    if (stack.frames + 1 > mostFrames) {
      throw new XdpkitError(
        'CHAIN_LIMIT',
        `${what}: "${name}" goes ${stack.frames} calls deep, and with the call of the member itself ${stack.frames + 1}; the kernel allows ${mostFrames}`,
        { hint: 'Declare some of its functions static __always_inline.' },
      );
    }
    const deep = stack.tailCalls.find(({ above }) => above >= mostAboveTailCall);
    if (deep) {
      throw new XdpkitError(
        'CHAIN_LIMIT',
        `${what}: "${name}" calls bpf_tail_call in ${deep.function} below ${deep.above} bytes of stack; less than ${mostAboveTailCall} must wait above a tail call`,
        { hint: sizes },
      );
    }
  }
  const reached = reachedFrom(functions, 0);
  if (reached.functions > mostFunctions) {
    throw new XdpkitError(
      'CHAIN_LIMIT',
      `${what} has ${reached.functions} functions; the kernel takes ${mostFunctions}`,
      { hint: 'Declare some of them static __always_inline, or leave a member out.' },
    );
  }
  if (reached.maps > mostMaps) {
    const counts = members.map(({ name, maps }) => `"${name}" has ${maps}`).join(', ');
    throw new XdpkitError(
      'CHAIN_LIMIT',
      `${what} has ${reached.maps} maps; the kernel takes ${mostMaps} of a program`,
      {
        hint: `Global variables are maps too: one for those of .bss, .data and .rodata each. Of maps, ${counts}.`,
      },
    );
  }
}

/** `stack, "filter" takes 128 bytes, "sampler" takes 48 bytes`. */
export function describeStack(members: readonly Pick<MeasuredMember, 'name' | 'stack'>[]): string {
  return `stack, ${members.map(({ name, stack }) => `"${name}" takes ${stack.bytes} bytes`).join(', ')}`;
}

function describeFrame({ function: name, bytes }: Frame): string {
  return `${name} (${bytes})`;
}
