/**
 * The function that runs the members of a chain one after the other. Each gets the context anew, so that what one does to
 * the packet (its head, tail, metadata) is what the next one finds.
 */
import {
  call,
  callFunction,
  compute,
  exit,
  jumpIf,
  load,
  loadImmediate64,
  mov,
  movRegister,
  movRegister32,
} from '../../asm/assemble.js';
import type { CodeItem } from '../../asm/labels.js';
import { type Verdict, verdictNumber, verdicts } from '../../packet/verdict.js';
import { helpers } from '../../uapi/bpf.generated.js';
import { chainSlot, countersPerSlot } from './counters.js';
import type { GlueItem } from './glue-function.js';

export interface MainMember {
  /** Index of its function. */
  readonly function: number;
  readonly next: readonly Verdict[];
  readonly slot: number;
  /** What stands for it in listings of the code. */
  readonly text: string;
}

export interface MainOptions {
  readonly members: readonly MainMember[];
  /** Index of the function that counts. */
  readonly count: number;
  /** A map that lives as long as the program, which does nothing with it. */
  readonly keeps: string | undefined;
  /** Packets may lie in several buffers. */
  readonly frags: boolean;
}

export const chainTexts = { start: 'int xdpkit_chain(struct xdp_md *ctx)', end: 'return verdict;' } as const;

const [contextAt, lengthAt, verdictAt, arrivedAt] = [6, 7, 8, 9];
/** Bytes from the start of `struct xdp_md`. */
const [dataField, dataEndField] = [0, 4];
/** As a 64-bit number no verdict equals it: they are 32 bits wide. */
const never = -1;

/** It takes no stack of its own. */
export function mainCode({ members, count, keeps, frags }: MainOptions): GlueItem[] {
  const measure = frags
    ? [movRegister(1, contextAt), call(helpers.xdp_get_buff_len), movRegister(lengthAt, 0)]
    : [
        load('word', lengthAt, contextAt, dataEndField),
        load('word', 1, contextAt, dataField),
        compute('subtract', lengthAt, 1),
      ];
  const counted = (slot: number, length: number): GlueItem[] => [
    mov(1, slot * countersPerSlot),
    // What is no verdict counts as ABORTED, which the kernel makes of it.
    jumpIf('greater', verdictAt, verdicts.length - 1, 1),
    compute('add', 1, verdictAt),
    movRegister(2, length),
    { calls: count, instruction: callFunction() },
  ];
  return [
    { line: chainTexts.start },
    ...(keeps === undefined ? [] : [{ map: keeps, instruction: loadImmediate64(0, 0n) }]),
    movRegister(contextAt, 1),
    ...members.flatMap(({ function: target, next, slot, text }, index): GlueItem[] => [
      { label: `member ${index}` },
      { line: text },
      ...measure,
      ...(index === 0 ? [movRegister(arrivedAt, lengthAt)] : []),
      movRegister(1, contextAt),
      { calls: target, instruction: callFunction() },
      movRegister32(verdictAt, 0),
      // Of a member that continues in another program Linux 6.1 only sees what it returns where that fails, and deletes
      // what it takes for dead: a number that it does not know, added and taken off, makes the verdict unknown to it.
      compute('add', verdictAt, lengthAt),
      compute('subtract', verdictAt, lengthAt),
      ...counted(slot, lengthAt),
      ...next.slice(1).map((one): CodeItem => goTo(`member ${index + 1}`, 'equal', verdictNumber(one))),
      // Where no verdict goes on the verifier still wants to see a way to the members behind.
      goTo('done', 'notEqual', next[0] === undefined ? never : verdictNumber(next[0])),
    ]),
    { label: `member ${members.length}` },
    mov(verdictAt, verdictNumber('PASS')),
    { label: 'done' },
    { line: chainTexts.end },
    ...counted(chainSlot, arrivedAt),
    movRegister(0, verdictAt),
    exit(),
  ];
}

function goTo(label: string, comparison: 'equal' | 'notEqual', verdict: number): CodeItem {
  return { to: label, instruction: jumpIf(comparison, verdictAt, verdict) };
}
