/** What is told of a program that the verifier refuses. */
export interface RefusedProgram {
  readonly name: string;
  readonly kind: string;
  readonly source: string;
  readonly what: RegExp;
  readonly mend: RegExp;
  /**
   * How to mend it, so that the verifier takes it: `as-told` puts the first code that the mend names before the refused
   * line, by itself; else a piece of the source, and what to write in its place.
   */
  readonly mended?: 'as-told' | readonly [before: string, after: string];
  /** GPL unless given. */
  readonly license?: string;
}
