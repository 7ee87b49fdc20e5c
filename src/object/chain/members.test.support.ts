/** Members for chains in tests: one object whose programs each say one verdict, and what a chain of them must answer. */
import { type Verdict, verdicts } from '../../packet/verdict.js';
import { openText } from '../compile-text.test.support.js';
import type { ChainMember } from './link-chain.js';

const programs = [...verdicts.keys(), 7]
  .map((verdict) => `SEC("xdp") int says_${verdict}(struct xdp_md *ctx) { calls++; return ${verdict}; }`)
  .join('\n');

/** Constant verdicts, one of them none that the kernel knows. */
export const constant = openText(`int calls;\n${programs}`, { name: 'constant' }).spec;
export const answers = [...verdicts.keys(), 7];

export interface ModelMember {
  readonly name: string;
  readonly answer: number;
  readonly priority: number;
  readonly next: readonly Verdict[];
}

export function memberOf({ name, answer, priority, next }: ModelMember): ChainMember {
  const program = constant.programs.find((one) => one.name === `says_${answer}`);
  if (program === undefined) throw new Error(`no program says ${answer}`);
  return { name, spec: constant, program, priority, next };
}

/** As libxdp's dispatcher runs them: the verdict, and who ran. */
export function expectedOf(members: readonly ModelMember[]): { readonly answer: number; readonly ran: string[] } {
  const ran: string[] = [];
  for (const { name, answer, next } of members.toSorted(
    (a, b) => a.priority - b.priority || (a.name < b.name ? -1 : 1),
  )) {
    ran.push(name);
    const verdict = verdicts[answer];
    if (verdict === undefined || !next.includes(verdict)) return { answer, ran };
  }
  return { answer: verdicts.indexOf('PASS'), ran };
}
