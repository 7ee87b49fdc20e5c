/** How the tables of explanations are written. */
import type { Refusal } from './refusal.js';
import type { RegisterState } from './state.js';

/** Memory that was to be read or written. */
export interface Access {
  /** `packet`, `map value`, `stack`, `context`, `memory` */
  readonly memory: string;
  /** Bytes from its start; of the variable part the least. */
  readonly offset: number;
  readonly size: number;
  readonly write: boolean;
}

export interface Explanation {
  /** What the program does that is refused, as the end of a sentence: "it reads byte 3 of …". */
  readonly what: string;
  /** What to write instead, as sentences. */
  readonly mend: string;
  /** The register that it is about, `R1`. */
  readonly register?: string | undefined;
  readonly access?: Access | undefined;
  /** The register's state, where the verifier's complaint tells more than its log before that. */
  readonly state?: RegisterState | undefined;
  /** Where the way to the refusal shows it to be of a narrower kind than the words. */
  readonly kind?: string | undefined;
}

export interface KindOfRefusal {
  /** Stable, for programs to branch on. */
  readonly kind: string;
  /** The verifier's words, a line each. */
  readonly patterns: readonly RegExp[];
  /** `line` is the verifier's whole line. */
  explain(match: RegExpExecArray, refusal: Refusal, line: string): Explanation;
}
