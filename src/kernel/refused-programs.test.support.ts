/** What is told of a program that the verifier refuses. */
export interface RefusedProgram {
  readonly name: string;
  readonly kind: string;
  readonly source: string;
  readonly what: RegExp;
  readonly mend: RegExp;
  /** A piece of the source, and what to write in its place: then the verifier takes it. */
  readonly mended?: readonly [before: string, after: string];
  /** GPL unless given. */
  readonly license?: string;
}
