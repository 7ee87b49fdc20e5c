/**
 * The long comment of `linux/bpf.h` that describes the helpers: what `man bpf-helpers` is made of. Its words are the
 * kernel's, under its licence, and so are read from the machine's own header and never kept here.
 */

export interface HelperText {
  /** As C declares it, on one line. */
  readonly prototype: string;
  /** Paragraphs of what it does, and of what it gives back. Lines as in the header, without mark-up. */
  readonly description: readonly string[];
  readonly returns: readonly string[];
}

const begin = 'Start of BPF helper function descriptions';
const marks = / \* (?=\S)/;

/** By name, with `bpf_`; empty where the header has no such comment (before Linux 4.18). */
export function readHelperTexts(header: string): ReadonlyMap<string, HelperText> {
  const found = new Map<string, HelperText>();
  const start = header.indexOf(begin);
  if (start === -1) return found;
  const lines = header.slice(header.indexOf('\n', start), header.indexOf('*/', start)).split('\n');
  for (let at = 0; at < lines.length; at += 1) {
    const name = nameIn(lines[at] ?? '');
    if (name === undefined) continue;
    const { prototype, next } = wholePrototype(lines, at);
    const body = untilNext(lines, next);
    found.set(name, {
      prototype,
      description: part(body, 'Description'),
      returns: part(body, 'Return'),
    });
  }
  return found;
}

/** ` * long bpf_redirect(u32 ifindex, u64 flags)`: one space behind the star, where text has a tab. */
function nameIn(line: string): string | undefined {
  return marks.test(line.slice(0, 4)) ? /\b(bpf_\w+)\(/.exec(line)?.[1] : undefined;
}

function wholePrototype(lines: readonly string[], at: number): { prototype: string; next: number } {
  let text = '';
  let next = at;
  while (next < lines.length && !text.endsWith(')'))
    text = `${text} ${(lines[next++] ?? '').replace(/^ \*\s*/, '').trim()}`.trim();
  return { prototype: text, next };
}

function untilNext(lines: readonly string[], from: number): string[] {
  const end = lines.findIndex((line, index) => index >= from && nameIn(line) !== undefined);
  return lines.slice(from, end === -1 ? undefined : end).map((line) => line.replace(/^ \*/, ''));
}

function part(body: readonly string[], title: string): string[] {
  const start = body.findIndex((line) => line.trim() === title);
  if (start === -1) return [];
  const end = body.findIndex((line, index) => index > start && /^( \t|\t)\S/.test(line));
  const lines = body.slice(start + 1, end === -1 ? undefined : end).map((line) => plain(line.replace(/^ ?\t\t?/, '')));
  while (lines.at(-1)?.trim() === '') lines.pop();
  return withWholeNames(lines);
}

/** Where a line ends with the name of a function, its parentheses may begin the next. */
function withWholeNames(lines: readonly string[]): string[] {
  return lines.map((line, index) => {
    const [, , rest] = /^\s*(\(\)[.,;:]?)\s*(.*)$/.exec(line) ?? [];
    const own = rest === undefined || index === 0 ? line : rest;
    const [, next = ''] = /^\s*(\(\)[.,;:]?)/.exec(lines[index + 1] ?? '') ?? [];
    return `${own}${next}`;
  });
}

/** Without the marks of reStructuredText. */
function plain(line: string): string {
  return line
    .replace(/\*\*([^*]+)\*\*/g, '$1')
    .replace(/(?<![\w*])\*([^*\s][^*]*)\*(?![\w*])/g, '$1')
    .replace(/``([^`]+)``/g, '$1')
    .replace(/\\ ?/g, '')
    .replace(/\t/g, '  ')
    .trimEnd();
}
