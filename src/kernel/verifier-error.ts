import { XdpkitError } from '../errors/error.js';
import type { VerifierDiagnosis } from '../verifier/diagnose.js';
import type { Access } from '../verifier/kind.js';
import type { SourcePlace } from '../verifier/refusal.js';
import { renderDiagnosis } from '../verifier/render.js';

/**
 * The kernel's verifier refused a program. `hint` is what to write instead, `log` the verifier's whole log; `diagnosis`
 * has all that could be read from it.
 */
export class VerifierError extends XdpkitError {
  readonly diagnosis: VerifierDiagnosis;

  constructor(diagnosis: VerifierDiagnosis, log: string, cause?: unknown) {
    const { program, source, instruction, what, mend } = diagnosis;
    const place = source
      ? `${source.file}:${source.line}${source.text && `: \`${source.text}\``}`
      : instruction === undefined
        ? ''
        : `instruction ${instruction}`;
    super('VERIFIER', `the verifier refused program "${program}"${place && ` at ${place}`}: ${what}`, {
      log,
      cause,
      hint: mend,
    });
    this.diagnosis = diagnosis;
  }

  get program(): string {
    return this.diagnosis.program;
  }

  /** Stable, for programs to branch on: `packet-bounds`, `null-pointer`, …; `other` for what has no name. */
  get kind(): string {
    return this.diagnosis.kind;
  }

  /** The verifier's last words: "R1 offset is outside of the packet". */
  get reason(): string {
    return this.diagnosis.reason;
  }

  /** The instruction that it refused, counted from the program's start. */
  get instruction(): number | undefined {
    return this.diagnosis.instruction;
  }

  get source(): SourcePlace | undefined {
    return this.diagnosis.source;
  }

  get access(): Access | undefined {
    return this.diagnosis.access;
  }

  override get story(): readonly string[] {
    return renderDiagnosis(this.diagnosis);
  }

  override get details(): Readonly<Record<string, unknown>> {
    return { ...this.diagnosis };
  }
}
