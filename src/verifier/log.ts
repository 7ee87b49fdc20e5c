/**
 * Reader of verifier logs, of all kernels since 4.x, of level 1 (the way to the refusal) and 2 (every way that was
 * tried), whole or cut at either end. Never throws. Source: Linux `kernel/bpf/verifier.c`, `kernel/bpf/log.c`.
 */
import { calledIn, callsFunction, writtenIn } from './instruction-text.js';
import { type KernelReport, takeReport } from './report.js';
import { type RegisterState, readStates } from './state.js';

/** An instruction on the way to the end of the log. */
export interface LogStep {
  readonly instruction: number;
  /** `(71) r0 = *(u8 *)(r1 +3)` */
  readonly text: string;
}

export interface LogTotals {
  /** Instructions that the verifier followed, each time that it did, and the most that it follows. */
  readonly processed: number;
  readonly limit: number | undefined;
  readonly states: number | undefined;
  readonly peakStates: number | undefined;
  /** Bytes of each function in the order of the program; where the log was asked for statistics. */
  readonly stack: readonly number[];
  readonly microseconds: number | undefined;
}

export interface VerifierLog {
  /** What the verifier said of the refusal, a line each. */
  readonly reasons: readonly string[];
  readonly report: KernelReport | undefined;
  /** The way from the program's start (or where the log begins) to the last instruction. */
  readonly steps: readonly LogStep[];
  /** Registers and stack before the last instruction, of the function that it is in. */
  readonly states: ReadonlyMap<string, RegisterState>;
  /** How often each instruction stands in the log. */
  readonly visits: ReadonlyMap<number, number>;
  readonly totals: LogTotals | undefined;
}

const instructionLine = /^(\d+): (\([0-9a-f]{2}\) .*)$/;
const stateLine = /^\d+: ((?:frame\d+: ?)?(?:R\d|fp-).*|)$/;
const fromLine = /^from (\d+) to (\d+)(?: \(speculative execution\))?: ?(.*)$/;
/**
 * Newer kernels write these behind an instruction: the end of a loop, and the state at a turning point; the totals come
 * right behind words that lack an end of line.
 */
const glued = / (?=infinite loop detected at insn \d+|\d+: (?:frame\d+: )?R\d)|(?=verification time \d+ usec)/g;

/** Source lines, states in their own lines, summaries, search notes: all that is no reason. */
const noReason = [
  /^;/,
  /^(cur state: |old state: |frame\d+: )*(R\d+(_\w+)?=|$)/,
  /^(processed \d+ insns|verification time|stack depth|mark_precise|last_idx|parent |regs=|propagating|max_states|total_states|insn processed)/,
  /^(func#\d+ @\d+|Live regs before insn:|Using insn|Validating \S+\(\) func#|caller:|callee:|returning from callee:|to caller at)/,
  /^Func#\d+ .*(is global and assumed valid|is safe for any args)/,
  /^arg#\d+ reference type\('UNKNOWN '\) size cannot be determined/,
  /^\d+: \.+/,
  /^(\d+: )?safe$/,
];

export function readLog(text: string): VerifierLog {
  const { report, rest } = takeReport(text.split('\n'));
  const lines = rest.flatMap((line) => {
    const text = line.trim();
    return text.startsWith('from ') ? [text] : text.replace(glued, '\n').split('\n');
  });
  const way = new Way();
  let reasons: string[] = [];
  for (const line of lines) {
    const instruction = instructionLine.exec(line);
    if (instruction?.[1] !== undefined && instruction[2] !== undefined) {
      way.step(Number(instruction[1]), instruction[2]);
      reasons = [];
    } else if (!way.turn(line) && line !== '' && !noReason.some((each) => each.test(line))) {
      reasons.push(line);
    }
  }
  const { steps, states, visits } = way;
  return { reasons, report, steps, states, visits, totals: readTotals(lines) };
}

/** The instructions in a row, and what is known before the last of them. */
class Way {
  steps: LogStep[] = [];
  states = new Map<string, RegisterState>();
  readonly visits = new Map<number, number>();
  /** Where in `steps` each instruction stood last. */
  readonly #places = new Map<number, number>();
  /** What the last instruction has changed, should another follow. */
  #pending: { readonly code: string; readonly state: string } | undefined;

  step(instruction: number, rightSide: string): void {
    this.#settle();
    const semicolon = rightSide.indexOf(';');
    const code = (semicolon === -1 ? rightSide : rightSide.slice(0, semicolon)).trim();
    this.#pending = { code, state: semicolon === -1 ? '' : rightSide.slice(semicolon + 1) };
    this.#places.set(instruction, this.steps.length);
    this.steps.push({ instruction, text: code });
    this.visits.set(instruction, (this.visits.get(instruction) ?? 0) + 1);
  }

  /** A line with the whole state, maybe at another place than the last instruction: false where it is none. */
  turn(line: string): boolean {
    const from = fromLine.exec(line);
    const state = from?.[3] ?? stateLine.exec(line)?.[1];
    if (from) this.#goBackTo(Number(from[1]));
    else if (/^Validating \S+\(\) func#/.test(line)) this.steps = [];
    else if (state === undefined) return this.#addTo(line);
    this.#pending = undefined;
    this.states = readStates(state ?? '');
    return true;
  }

  /** Before 5.17 some states stand in a line of their own, behind the instruction. */
  #addTo(line: string): boolean {
    if (!/^R\d+(_\w+)?=/.test(line)) return false;
    for (const [name, state] of readStates(line)) this.states.set(name, state);
    return true;
  }

  #goBackTo(instruction: number): void {
    const place = this.#places.get(instruction) ?? -1;
    this.steps.length = this.steps[place]?.instruction === instruction ? place + 1 : 0;
  }

  #settle(): void {
    if (this.#pending === undefined) return;
    const { code, state } = this.#pending;
    const written = writtenIn(code);
    if (written !== undefined) this.states.delete(written);
    if (calledIn(code) !== undefined || callsFunction(code)) {
      for (const register of ['R0', 'R1', 'R2', 'R3', 'R4', 'R5']) this.states.delete(register);
    }
    for (const [name, value] of readStates(state)) this.states.set(name, value);
  }
}

function readTotals(lines: readonly string[]): LogTotals | undefined {
  const find = (pattern: RegExp) => lines.findLast((line) => pattern.test(line))?.match(pattern) ?? undefined;
  const processed = find(/^processed (\d+) insns(?: \(limit (\d+)\))?/);
  if (processed?.[1] === undefined) return undefined;
  const number = (text: string | undefined) => (text === undefined ? undefined : Number(text));
  return {
    processed: Number(processed[1]),
    limit: number(processed[2]),
    states: number(find(/\btotal_states (\d+)/)?.[1]),
    peakStates: number(find(/\bpeak_states (\d+)/)?.[1]),
    stack:
      find(/^stack depth (\d+(?:\+\d+)*)/)?.[1]
        ?.split('+')
        .map(Number) ?? [],
    microseconds: number(find(/^verification time (\d+) usec/)?.[1]),
  };
}
