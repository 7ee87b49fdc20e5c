/** From a verifier log to what a person is told. */

import type { Access, Explanation, KindOfRefusal } from './kind.js';
import { callKinds } from './kinds-calls.js';
import { flowKinds } from './kinds-flow.js';
import { memoryKinds } from './kinds-memory.js';
import { pointerKinds } from './kinds-pointers.js';
import { programKinds } from './kinds-program.js';
import { resourceKinds } from './kinds-resources.js';
import { stackKinds } from './kinds-stack.js';
import { readLog } from './log.js';
import { type Branch, type CodeLine, placeOf, Refusal, type RefusedCode, type SourcePlace } from './refusal.js';
import { describeState } from './state.js';

export interface VerifierDiagnosis {
  readonly program: string;
  /** Stable, for programs to branch on: `packet-bounds`, `null-pointer`, …; `other` for what is in no table. */
  readonly kind: string;
  /** The verifier's last words: "R1 offset is outside of the packet". */
  readonly reason: string;
  /** What the program does that is refused, in our words where the kind is known: "it reads byte 3 of …". */
  readonly what: string;
  /** What to write instead. */
  readonly mend: string | undefined;
  /** The instruction that was refused, counted from the program's start. */
  readonly instruction: number | undefined;
  /** `(71) r0 = *(u8 *)(r1 +3)` */
  readonly code: string | undefined;
  /** The function that it is in, where the program has several. */
  readonly function: string | undefined;
  readonly source: SourcePlace | undefined;
  /** Column of the source line, counted from 1. */
  readonly column: number | undefined;
  /** The refused line with those before it, as far as the object's line information has them. */
  readonly context: readonly { readonly line: number; readonly text: string }[];
  readonly register: { readonly name: string; readonly state: string; readonly words: string } | undefined;
  readonly access: Access | undefined;
  /** The last decisions on the way. */
  readonly path: readonly Branch[];
}

/** In this order: some words fit several kinds, and the first that fits is told. */
const kinds: readonly KindOfRefusal[] = [
  ...resourceKinds,
  ...memoryKinds,
  ...stackKinds,
  ...programKinds,
  ...pointerKinds,
  ...callKinds,
  ...flowKinds,
];

/** Every kind that is known. */
export const refusalKinds: readonly string[] = kinds.map(({ kind }) => kind);

/** Never throws, whatever the log. */
export function diagnose(logText: string, code: RefusedCode): VerifierDiagnosis {
  const refusal = new Refusal(readLog(logText), code);
  const { kind, explanation } = explain(refusal);
  const { instruction, text, line, reason, log } = refusal;
  const name = explanation?.register;
  const state = explanation?.state ?? refusal.state(name);
  return {
    program: code.name,
    kind: explanation?.kind ?? kind,
    reason,
    what: explanation?.what ?? reason,
    mend: explanation?.mend ?? log.report?.suggestion,
    instruction,
    code: text,
    function: code.functions.length > 1 ? refusal.functionOf(instruction) : undefined,
    source: line && placeOf(line),
    column: line?.column || undefined,
    context: line ? contextOf(code.lines, line) : [],
    register: name !== undefined && state ? { name, state: state.text, words: describeState(state) } : undefined,
    access: explanation?.access,
    path: refusal.branches,
  };
}

function explain(refusal: Refusal): { readonly kind: string; readonly explanation: Explanation | undefined } {
  for (const { kind, patterns, explain } of kinds) {
    for (const line of refusal.log.reasons) {
      for (const pattern of patterns) {
        const match = pattern.exec(line);
        if (match) return { kind, explanation: explain(match, refusal, line) };
      }
    }
  }
  return { kind: 'other', explanation: undefined };
}

/**
 * The diagnosis where the instruction is what CO-RE found no answer for: the verifier only sees the call of a helper
 * that does not exist.
 */
export function withoutAnswer(
  diagnosis: VerifierDiagnosis,
  { problem, function: called }: { readonly problem: string; readonly function?: string },
): VerifierDiagnosis {
  return {
    ...diagnosis,
    kind: called === undefined ? 'core-relocation' : 'kfunc-not-allowed',
    what: problem,
    mend: `Where kernels differ, ask first (${called === undefined ? 'bpf_core_field_exists, bpf_core_type_exists' : `if (${called}) …`}): what a kernel lacks is then dead code.`,
    register: undefined,
    access: undefined,
  };
}

const linesBefore = 3;

function contextOf(lines: readonly CodeLine[], refused: CodeLine): { line: number; text: string }[] {
  const texts = new Map<number, string>();
  for (const { file, line, raw } of lines) {
    if (file === refused.file && line > refused.line - linesBefore && line <= refused.line && raw !== '')
      texts.set(line, raw);
  }
  return [...texts].map(([line, text]) => ({ line, text })).sort((left, right) => left.line - right.line);
}
