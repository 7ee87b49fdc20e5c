/** A refused program as the explanations see it: the log, the code's names and lines, and what both say together. */
import { accessIn, branchIn, calledIn, callsFunction, type MemoryAccess } from './instruction-text.js';
import type { LogStep, VerifierLog } from './log.js';
import type { RegisterState } from './state.js';

/** Where in the source an instruction of a program comes from. */
export interface SourcePlace {
  readonly file: string;
  readonly line: number;
  readonly text: string;
}

/** A record of line information. */
export interface CodeLine extends SourcePlace {
  /** The first instruction that comes from it. */
  readonly at: number;
  /** Counted from 1; 0 where the compiler did not tell. */
  readonly column: number;
  /** As in the source, its indentation too. */
  readonly raw: string;
}

/** What is known of a program besides its log. */
export interface RefusedCode {
  readonly name: string;
  /** Kernel name, `xdp`. */
  readonly type: string;
  readonly license: string;
  /** Instructions. */
  readonly size: number;
  /** In the order of instructions; empty where the object has no line information. */
  readonly lines: readonly CodeLine[];
  /** The program's own first, in the order of the code. */
  readonly functions: readonly { readonly at: number; readonly name: string }[];
  /** An instruction in the kernel's syntax; for what the log has no text of. */
  readonly instructionText?: ((at: number) => string | undefined) | undefined;
  /** The types of program that may call a helper on the running kernel, as far as they can be asked. */
  readonly typesWithHelper?: ((helper: string) => readonly string[]) | undefined;
}

/** A conditional jump on the way to the refusal. */
export interface Branch {
  readonly from: SourcePlace;
  /** The line that it went on to. */
  readonly to: SourcePlace | undefined;
}

/** How a pointer is used in a line of C: `ip->protocol`, `*value`, `data[3]`. */
export interface Pointer {
  readonly name: string;
  readonly index: string | undefined;
}

export class Refusal {
  readonly log: VerifierLog;
  readonly code: RefusedCode;
  readonly instruction: number | undefined;
  readonly text: string | undefined;

  constructor(log: VerifierLog, code: RefusedCode) {
    this.log = log;
    this.code = code;
    const last = log.steps[log.steps.length - 1];
    // A complaint about the program as a whole, or about a loop, names the instruction itself.
    const named = log.reasons.map((line) => /\binsn (\d+)\b/.exec(line)?.[1]).find((number) => number !== undefined);
    this.instruction =
      named === undefined ? (last?.instruction ?? log.report?.instruction ?? this.#unnamed()) : Number(named);
    this.text =
      log.steps.findLast(({ instruction }) => instruction === this.instruction)?.text ??
      (this.instruction === undefined ? undefined : code.instructionText?.(this.instruction));
  }

  /** Where the complaint is, if it comes before any instruction is followed and tells an opcode at most. */
  #unnamed(): number | undefined {
    const { size, functions, instructionText } = this.code;
    if (this.log.reasons.some((line) => line.startsWith('last insn is not')) && functions.length <= 1) return size - 1;
    const opcode = this.log.reasons
      .map((line) => /^unknown opcode ([0-9a-f]{2})$/.exec(line)?.[1])
      .find((code) => code);
    if (opcode === undefined) return undefined;
    for (let at = 0; at < size; at += 1) if (instructionText?.(at)?.startsWith(`(${opcode})`)) return at;
    return undefined;
  }

  get reason(): string {
    const { reasons, report } = this.log;
    if (reasons.length > 0) return reasons.join('; ');
    return report?.reason ?? (report && (report.problem || report.category)) ?? 'it gave no reason in its log';
  }

  /** What the instruction reads or writes by itself. */
  get access(): MemoryAccess | undefined {
    return this.text === undefined ? undefined : accessIn(this.text);
  }

  /** The helper or kernel function that the instruction calls. */
  get called(): string | undefined {
    return this.text === undefined ? undefined : calledIn(this.text);
  }

  /** "it reads", "it writes", "it lets bpf_csum_diff use" */
  get does(): string {
    return this.called === undefined ? `it ${this.access?.write ? 'writes' : 'reads'}` : `it lets ${this.called} use`;
  }

  state(register: string | undefined): RegisterState | undefined {
    return register === undefined ? undefined : this.log.states.get(register);
  }

  lineOf(instruction: number | undefined): CodeLine | undefined {
    if (instruction === undefined) return undefined;
    return this.code.lines.findLast(({ at, line }) => at <= instruction && line > 0);
  }

  functionOf(instruction: number | undefined): string | undefined {
    if (instruction === undefined) return undefined;
    return this.code.functions.findLast(({ at }) => at <= instruction)?.name;
  }

  get line(): CodeLine | undefined {
    return this.lineOf(this.instruction);
  }

  /** The last step of the way that fits, before the refused one. */
  before(fits: (step: LogStep) => boolean): LogStep | undefined {
    return this.log.steps.slice(0, -1).findLast(fits);
  }

  /** The pointer that the refused line uses, the one at the compiler's column where there are several; never the context. */
  get pointer(): Pointer | undefined {
    const { raw = '', column = 0 } = this.line ?? {};
    const pointers = pointersIn(raw).filter(({ name }) => name !== this.#context);
    return pointers.sort((left, right) => distance(left, column) - distance(right, column))[0];
  }

  /** What stands in brackets in the refused line, where only one thing does: of `value->list[i].b` the `i`. */
  get onlyIndex(): string | undefined {
    const found = new Set([...(this.line?.raw ?? '').matchAll(/\[([^\][]*)\]/g)].map(([, index]) => index?.trim()));
    const [index] = found;
    return found.size === 1 ? index : undefined;
  }

  /** The variable that a line gives the value of an instruction, such as a call's result. */
  assignedAt(instruction: number | undefined): string | undefined {
    return /(\w+)\s*=(?!=)/.exec(this.lineOf(instruction)?.text ?? '')?.[1];
  }

  /** The C of an argument of the refused call, by its register, where the call stands on one line. */
  argument(register: string): string | undefined {
    const { line, called } = this;
    const start = line && called !== undefined ? line.text.indexOf(`${called}(`) : -1;
    if (line === undefined || called === undefined || start === -1) return undefined;
    const found: string[] = [''];
    let depth = 0;
    for (const letter of line.text.slice(start + called.length + 1)) {
      if (letter === ')' && depth === 0) break;
      if (letter === '(' || letter === '[') depth += 1;
      if (letter === ')' || letter === ']') depth -= 1;
      if (letter === ',' && depth === 0) found.push('');
      else found[found.length - 1] += letter;
    }
    return found[Number(register.slice(1)) - 1]?.trim();
  }

  /** How C writes an early return where the refused line stands. */
  get leave(): string {
    const inMain = (this.functionOf(this.instruction) ?? this.code.name) === this.code.name;
    return `return ${inMain ? (passOf[this.code.type] ?? '0') : '0'};`;
  }

  /** The end of the packet as C names it in this program. */
  get packetEnd(): string {
    return this.#fieldOfContext('data_end');
  }

  /** Its start, as a pointer that counts bytes. */
  get packetStart(): string {
    return this.#fieldOfContext('data');
  }

  #fieldOfContext(field: string): string {
    const assigned = new RegExp(`(\\w+)\\s*=\\s*[^;,=]*->\\s*${field}\\b`);
    for (const { text } of this.code.lines) {
      const name = assigned.exec(text)?.[1];
      if (name !== undefined) return name;
    }
    return this.#context === undefined ? field : `(void *)(long)${this.#context}->${field}`;
  }

  /** The context as C names it, `ctx` where no line tells. */
  get contextName(): string {
    return this.#context ?? 'ctx';
  }

  get #context(): string | undefined {
    for (const { text } of this.code.lines) {
      const name = /(\w+)\s*->\s*(?:data|data_end|data_meta|ingress_ifindex|rx_queue_index)\b/.exec(text)?.[1];
      if (name !== undefined) return name;
    }
    return undefined;
  }

  /** The last few decisions on the way, each line of source once. */
  get branches(): Branch[] {
    const { steps } = this.log;
    const branches: Branch[] = [];
    for (let at = steps.length - 2; at >= 0 && branches.length < 4; at -= 1) {
      const [step, next] = [steps[at], steps[at + 1]];
      if (step === undefined || next === undefined || branchIn(step.text) === undefined) continue;
      const from = this.lineOf(step.instruction);
      if (from === undefined || branches.some((each) => each.from.line === from.line)) continue;
      const to = this.#nextLine(at + 1, from.line);
      branches.unshift({ from: placeOf(from), to: to && placeOf(to) });
    }
    return branches;
  }

  /** The first other line from a step on. */
  #nextLine(step: number, line: number): CodeLine | undefined {
    for (let at = step; at < this.log.steps.length; at += 1) {
      const found = this.lineOf(this.log.steps[at]?.instruction);
      if (found && found.line !== line) return found;
    }
    return undefined;
  }

  /** Names of the functions on the call stack at the refusal, the program first. */
  get callStack(): string[] {
    const stack = [this.code.name];
    const { steps } = this.log;
    for (const [at, step] of steps.entries()) {
      const next = steps[at + 1];
      if (callsFunction(step.text) && next !== undefined && next.instruction !== step.instruction + 1) {
        stack.push(this.functionOf(next.instruction) ?? '?');
      } else if (step.text.endsWith(' exit') && next !== undefined) stack.pop();
    }
    return stack;
  }
}

/** Without what only line information has. */
export function placeOf({ file, line, text }: SourcePlace): SourcePlace {
  return { file, line, text };
}

const passOf: Readonly<Record<string, string>> = {
  xdp: 'XDP_PASS',
  sched_cls: 'TC_ACT_OK',
  sched_act: 'TC_ACT_OK',
  sk_skb: 'SK_PASS',
  sk_msg: 'SK_PASS',
  cgroup_skb: '1',
};

interface Found extends Pointer {
  readonly start: number;
  readonly end: number;
}

function pointersIn(text: string): Found[] {
  const found: Found[] = [];
  for (const match of text.matchAll(
    /\b([A-Za-z_]\w*)\s*->\s*\w+|\*\s*\(?([A-Za-z_]\w*)\b(?!\s*\*?\s*\))|\b([A-Za-z_]\w*)\s*\[([^\][]*)\]/g,
  )) {
    const name = match[1] ?? match[2] ?? match[3];
    if (name === undefined || ['volatile', 'const', 'struct'].includes(name)) continue;
    found.push({ name, index: match[4]?.trim(), start: match.index + 1, end: match.index + match[0].length + 1 });
  }
  return found;
}

function distance({ start, end }: Found, column: number): number {
  return column < start ? start - column : column > end ? column - end : 0;
}
