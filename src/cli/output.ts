import picocolors from 'picocolors';
import type { Context, TextStream } from './context.js';
import { toJson } from './json.js';
import type { Column } from './table.js';

export interface OutputFlags {
  readonly json: boolean;
  readonly verbose: boolean;
  readonly quiet: boolean;
}

export type Colors = ReturnType<typeof picocolors.createColors>;

/** What a command says, and where: results on stdout, talk on stderr, one JSON document in the place of both tables and text. */
export interface Output extends OutputFlags {
  /** Colours for stdout, or functions that change nothing. */
  readonly colors: Colors;
  /** Whether stdout is a terminal that may be written over, as a live table does. */
  readonly live: boolean;
  /** A line of result for people; nothing with `--json`. */
  print(text?: string): void;
  /** Results for people in columns; nothing with `--json`. */
  table(columns: readonly Column[], rows: readonly (readonly string[])[]): Promise<void>;
  /** Many lines of result for people, as they come; nothing with `--json`. Ends early when the command is interrupted. */
  lines(lines: Iterable<string>): Promise<void>;
  /** On a live terminal, goes back over the last `lines` lines, which the next output takes the place of. */
  goBack(lines: number): void;
  /** The result for programs, on one line; nothing without `--json`. A stream calls it once for each document. */
  document(value: unknown): void;
  /** As `document`, of `head` and one more `member`: an array that is written as its items come, however long it is. */
  documentWith(head: object, member: string, items: Iterable<unknown>): Promise<void>;
  /** Talk on stderr: what is being done, what was chosen and why. Silenced by `--quiet` and `--json`. */
  note(text: string): void;
  /** Something that the user should know although the command goes on. Never silenced. */
  warn(text: string): void;
  /** Shows on a terminal that `work` goes on when it takes more than a second. */
  progress<T>(text: string, work: Promise<T>): Promise<T>;
}

export function createOutput(context: Context, flags: OutputFlags): Output {
  const { stdout, stderr, environment } = context;
  const colors = picocolors.createColors(wantsColors(stdout, environment));
  const talkColors = picocolors.createColors(wantsColors(stderr, environment));
  return {
    ...flags,
    colors,
    live: stdout.isTTY === true && !flags.json && environment.TERM !== 'dumb',
    print(text = '') {
      if (!flags.json) stdout.write(`${text}\n`);
    },
    async table(columns, rows) {
      if (flags.json) return;
      const { renderTable } = await import('./table.js');
      stdout.write(renderTable(columns, rows, { width: stdout.isTTY ? stdout.columns : undefined, title: colors.dim }));
    },
    async lines(lines) {
      if (flags.json) return;
      const { writeLines } = await import('./stream.js');
      await writeLines(context, lines);
    },
    goBack(lines) {
      if (this.live) stdout.write(`\x1b[${lines}A\x1b[J`);
    },
    document(value) {
      if (flags.json) stdout.write(`${toJson(value)}\n`);
    },
    async documentWith(head, member, items) {
      if (!flags.json) return;
      const { writeDocument } = await import('./stream.js');
      await writeDocument(context, head, member, items);
    },
    note(text) {
      if (!flags.quiet && !flags.json) stderr.write(`${text}\n`);
    },
    warn(text) {
      stderr.write(`${talkColors.yellow('warning:')} ${text}\n`);
    },
    async progress(text, work) {
      if (flags.quiet || flags.json || stderr.isTTY !== true || stderr !== process.stderr) return await work;
      return await spinWhile(text, work);
    },
  };
}

/** NO_COLOR (no-color.org) wins over FORCE_COLOR, which wins over what the stream is. */
export function wantsColors(stream: TextStream, environment: Context['environment']): boolean {
  if (environment.NO_COLOR) return false;
  if (environment.FORCE_COLOR) return environment.FORCE_COLOR !== '0';
  return stream.isTTY === true && environment.TERM !== 'dumb';
}

async function spinWhile<T>(text: string, work: Promise<T>): Promise<T> {
  const { default: createSpinner } = await import('yocto-spinner');
  // Signals are the command's own: it has things to clean up.
  const spinner = createSpinner({ text, handleSignals: false });
  const timer = setTimeout(() => spinner.start(), 1000);
  try {
    return await work;
  } finally {
    clearTimeout(timer);
    if (spinner.isSpinning) spinner.stop();
  }
}
