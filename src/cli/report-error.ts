import picocolors from 'picocolors';
import { errorCodes } from '../errors/codes.js';
import { XdpkitError } from '../errors/error.js';
import type { Context } from './context.js';
import { toJson } from './json.js';
import { type Colors, type OutputFlags, wantsColors } from './output.js';

/** Tells the user what went wrong: for people on stderr, with `--json` as one document on stdout. Gives the exit code. */
export function reportError(error: unknown, context: Context, flags: OutputFlags): number {
  const known = error instanceof XdpkitError ? error : undefined;
  if (flags.json) context.stdout.write(`${toJson({ error: asDocument(error, known) })}\n`);
  // Who pressed Ctrl-C, or closed the pipe, knows.
  else if (known?.code !== 'INTERRUPTED' || !context.signal.aborted)
    context.stderr.write(asText(error, known, context, flags));
  return known === undefined ? 1 : errorCodes[known.code].exit;
}

export function asDocument(error: unknown, known: XdpkitError | undefined): Record<string, unknown> {
  if (known === undefined) return { code: 'INTERNAL', message: describe(error), stack: stackOf(error) };
  const { code, message, hint, log } = known;
  return { code, message, hint, log, details: known.details };
}

function asText(error: unknown, known: XdpkitError | undefined, context: Context, flags: OutputFlags): string {
  const colors = picocolors.createColors(wantsColors(context.stderr, context.environment));
  return `${errorLines(error, known, colors, flags).join('\n')}\n`;
}

/** An error for people: message, causes, story, hint, and the log with `--verbose`. */
export function errorLines(
  error: unknown,
  known: XdpkitError | undefined,
  { bold, red, cyan }: Colors,
  flags: Pick<OutputFlags, 'verbose'>,
): string[] {
  const lines = [`${bold(red('error:'))} ${known?.message ?? `unexpected: ${describe(error)}`}`];
  // The verifier's own words are the reason; the errno behind them (EACCES) would send the reader after privileges.
  const causes = known?.code === 'VERIFIER' && !flags.verbose ? [] : causesOf(error);
  for (const cause of causes) lines.push(`${red('cause:')} ${cause}`);
  if (known === undefined) {
    lines.push(stackOf(error), 'This is a bug in xdpkit: please report it with the lines above.');
  } else {
    for (const line of known.story) lines.push(line.startsWith('>') ? bold(line) : line);
    if (known.hint !== undefined) lines.push(`${cyan('hint:')} ${known.hint}`);
    const log = known.log?.trimEnd();
    if (log && flags.verbose) lines.push('', log);
    else if (log) lines.push(`${cyan('hint:')} --verbose shows the whole log`);
  }
  return lines;
}

/** The chain of causes, as far as it says something that the messages above it do not. */
function causesOf(error: unknown): string[] {
  const causes: string[] = [];
  let said = describe(error);
  for (let cause = causeOf(error); cause !== undefined && causes.length < 8; cause = causeOf(cause)) {
    const text = describe(cause);
    if (!said.includes(text)) causes.push(text);
    said += text;
  }
  return causes;
}

function causeOf(error: unknown): unknown {
  return error instanceof Error ? error.cause : undefined;
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : (new Error(String(error)).stack ?? '');
}
