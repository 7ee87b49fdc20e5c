import { XdpkitError } from '../errors/error.js';

/** Where in the source an instruction of a program comes from. */
export interface SourcePlace {
  readonly file: string;
  readonly line: number;
  readonly text: string;
}

/** The kernel's verifier refused a program. `log` is its whole log. */
export class VerifierError extends XdpkitError {
  readonly program: string;
  /** The verifier's last words: "R1 offset is outside of the packet". */
  readonly reason: string;
  /** The instruction that it refused, counted from the program's start. */
  readonly instruction: number | undefined;
  readonly source: SourcePlace | undefined;

  constructor(program: string, verdict: VerifierVerdict, log: string, cause?: unknown, hint?: string) {
    const { reason, instruction, source } = verdict;
    const place = source
      ? `${source.file}:${source.line}${source.text && `: \`${source.text}\``}`
      : instruction === undefined
        ? ''
        : `instruction ${instruction}`;
    super('VERIFIER', `the verifier refused program "${program}"${place && ` at ${place}`}: ${reason}`, {
      log,
      cause,
      hint,
    });
    this.program = program;
    this.reason = reason;
    this.instruction = instruction;
    this.source = source;
  }

  override get details(): Readonly<Record<string, unknown>> {
    const { program, reason, instruction, source } = this;
    return { program, reason, instruction, source };
  }
}

export interface VerifierVerdict {
  readonly reason: string;
  readonly instruction: number | undefined;
  readonly source: SourcePlace | undefined;
}

/** Newer kernels write this one behind the instruction that closes the loop. */
const gluedReason = /infinite loop detected at insn \d+/g;
const instructionLine = /^(\d+): \([0-9a-f]{2}\) /;
/** Register states, summaries, source lines and search notes: all that is no reason. */
const noReason = [
  instructionLine,
  /^\d+: (R\d|frame\d|safe)/,
  /^;/,
  /^(cur state: |old state: |frame\d+: )*R\d+(_\w+)?=/,
  /^(processed \d+ insns|verification time|stack depth|mark_precise|from \d+ to \d+|last_idx|parent |regs=|propagating|max_states|total_states)/,
  /^(func#\d+ @\d+|Live regs before insn:|Validating \S+\(\) func#|caller:|callee:|returning from callee:|to caller at)/,
  /^Func#\d+ .*(is global and assumed valid|is safe for any args)/,
  /^\s*\d+: \.+/,
];

/**
 * Finds the reason in a verifier log (`kernel/bpf/verifier.c`): the lines after the last instruction that are neither
 * register states nor totals. `sourceOf` tells the source of an instruction where the object has line information.
 */
export function readVerdict(log: string, sourceOf: (instruction: number) => SourcePlace | undefined): VerifierVerdict {
  const lines = log
    .replace(gluedReason, '\n$&')
    .split('\n')
    .map((line) => line.trim());
  let last = -1;
  let instruction: number | undefined;
  lines.forEach((line, index) => {
    const match = instructionLine.exec(line);
    if (match?.[1] === undefined) return;
    last = index;
    instruction = Number(match[1]);
  });
  const reasons = lines.slice(last + 1).filter((line) => line !== '' && !noReason.some((each) => each.test(line)));
  // A complaint about the program as a whole, or about a loop, names the instruction itself.
  const named = reasons.map((line) => /\binsn (\d+)\b/.exec(line)?.[1]).find((number) => number !== undefined);
  const at = named === undefined ? instruction : Number(named);
  return {
    reason: reasons.length > 0 ? reasons.join('; ') : 'it gave no reason in its log',
    instruction: at,
    source: at === undefined ? undefined : sourceOf(at),
  };
}
