/**
 * The blocks in which kernels after 6.18 tell a refusal besides their terse line: a header, then sections with indented
 * text. Source: `kernel/bpf/diagnostics.c` of bpf-next.
 *
 *     Verification failed: Register Type Safety: Invalid dereference
 *
 *     Reason:
 *       R1 is an integer scalar here, not a pointer to memory.
 *
 *     At:
 *       drop @ drop.bpf.c:12:9
 *     …
 *     Suggestion:
 *       Preserve a pointer-valued register where needed, …
 */

export interface KernelReport {
  /** "Memory Safety" */
  readonly category: string;
  /** "Access outside bounds"; empty where the kernel names none. */
  readonly problem: string;
  readonly reason: string | undefined;
  readonly suggestion: string | undefined;
  /** The instruction that the report marks. */
  readonly instruction: number | undefined;
}

const header = /^Verification failed: ([^:]*)(?:: (.*))?$/;
const section = /^([A-Z][A-Za-z ]{1,40}):$/;
const marked = /^\s*>>>\s*(\d+) \| \([0-9a-f]{2}\)/;

/** The last report of a log, and the log's lines without any; sections of other names are passed over. */
export function takeReport(lines: readonly string[]): {
  readonly report: KernelReport | undefined;
  readonly rest: string[];
} {
  let report: KernelReport | undefined;
  const rest: string[] = [];
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at] ?? '';
    const match = header.exec(line.trim());
    if (!match) {
      rest.push(line);
      continue;
    }
    const sections = new Map<string, string[]>();
    let inside: string[] | undefined;
    for (; at + 1 < lines.length && belongs(lines[at + 1] ?? ''); at += 1) {
      const next = lines[at + 1] ?? '';
      const title = section.exec(next)?.[1];
      if (title !== undefined) {
        inside = sections.get(title) ?? [];
        sections.set(title, inside);
      } else inside?.push(next);
    }
    const text = (title: string) =>
      sections
        .get(title)
        ?.map((each) => each.trim())
        .join(' ')
        .trim() || undefined;
    const instruction = sections
      .get('At')
      ?.map((each) => marked.exec(each)?.[1])
      .find((number) => number !== undefined);
    report = {
      category: match[1]?.trim() ?? '',
      problem: match[2]?.trim() ?? '',
      reason: text('Reason'),
      suggestion: text('Suggestion'),
      instruction: instruction === undefined ? undefined : Number(instruction),
    };
  }
  return { report, rest };
}

/** Text of a report is indented, its titles are not; the next thing that the verifier says ends it. */
function belongs(line: string): boolean {
  return line.trim() === '' || /^\s/.test(line) || section.test(line);
}
