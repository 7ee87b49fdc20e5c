/** What the members of a chain have to share, checked before the kernel is asked, with a number for each of them. */
import { XdpkitError } from '../../errors/error.js';
import type { FunctionSpec } from '../spec.js';
import { type Frame, measureStack, type StackUse } from './stack.js';

const mostStack = 512;
const mostFrames = 8;
/** The verifier's `BPF_MAX_SUBPROGS`. */
const mostFunctions = 256;
/** What may wait above a function with a tail call. */
const mostAboveTailCall = 256;

export interface MeasuredMember {
  readonly name: string;
  readonly stack: StackUse;
}

/** The function that calls the members takes no stack, and so nothing waits above them. */
export function measureMembers(
  functions: readonly FunctionSpec[],
  members: readonly { readonly name: string; readonly entry: number }[],
  littleEndian: boolean,
): MeasuredMember[] {
  return members.map(({ name, entry }) => ({ name, stack: measureStack(functions, entry, littleEndian) }));
}

/** Throws `XdpkitError` CHAIN_LIMIT. */
export function requireLimits(what: string, members: readonly MeasuredMember[], functions: number): void {
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
  if (functions > mostFunctions) {
    throw new XdpkitError('CHAIN_LIMIT', `${what} has ${functions} functions; the kernel takes ${mostFunctions}`, {
      hint: 'Declare some of them static __always_inline, or leave a member out.',
    });
  }
}

/** `stack, "filter" takes 128 bytes, "sampler" takes 48 bytes`. */
export function describeStack(members: readonly MeasuredMember[]): string {
  return `stack, ${members.map(({ name, stack }) => `"${name}" takes ${stack.bytes} bytes`).join(', ')}`;
}

function describeFrame({ function: name, bytes }: Frame): string {
  return `${name} (${bytes})`;
}
