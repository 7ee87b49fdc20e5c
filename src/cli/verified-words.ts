/** What the verifier said of an object's programs: for people, as a document, and as an exit code. */
import { errorCodes } from '../errors/codes.js';
import type { VerifierAnswer } from '../loader/verify-programs.js';
import type { Output } from './output.js';
import { asDocument, errorLines } from './report-error.js';
import { formatCount, formatDuration } from './units.js';

export async function printVerified(output: Output, verified: readonly VerifierAnswer[]): Promise<void> {
  await output.table(
    [
      { title: 'PROGRAM' },
      { title: 'TYPE' },
      { title: 'VERIFIER' },
      { title: 'INSTRUCTIONS', align: 'right' },
      { title: 'FOLLOWED', align: 'right' },
      { title: 'STATES', align: 'right' },
      { title: 'STACK', align: 'right' },
      { title: 'TIME', align: 'right' },
    ],
    verified.map(row),
  );
  for (const each of verified) printMore(output, each);
}

/** 0 where all were accepted. */
export function exitCodeOf(verified: readonly VerifierAnswer[]): number {
  const failed = verified.flatMap(({ error }) => (error === undefined ? [] : [error.code]));
  const [first] = failed;
  return first === undefined ? 0 : errorCodes[failed.includes('VERIFIER') ? 'VERIFIER' : first].exit;
}

function row({ name, type, accepted, totals, error }: VerifierAnswer): string[] {
  const count = (value: number | undefined) => (value === undefined ? '' : formatCount(value));
  return [
    name,
    type ?? '?',
    error === undefined ? 'accepts' : error.code === 'VERIFIER' ? 'refuses' : 'not asked',
    count(accepted?.instructions),
    count(totals?.processed),
    count(totals?.states),
    totals?.stack.join('+') ?? '',
    totals?.microseconds === undefined ? '' : formatDuration(totals.microseconds / 1e6),
  ];
}

function printMore(output: Output, { name, error, log }: VerifierAnswer): void {
  if (error !== undefined) {
    output.print();
    for (const line of errorLines(error, error, output.colors, output)) output.print(line);
  } else if (log !== undefined) {
    output.print(`\n${output.colors.bold(name)}`);
    output.print(log.trimEnd());
  }
}

export function verifiedDocument({ name, section, type, accepted, totals, error, log }: VerifierAnswer) {
  return {
    name,
    section,
    type: type ?? null,
    accepted: error === undefined,
    instructions: accepted?.instructions ?? null,
    jitedBytes: accepted?.jitedSize ?? null,
    totals: totals ?? null,
    error: error === undefined ? null : asDocument(error, error),
    ...(log === undefined ? {} : { log }),
  };
}
