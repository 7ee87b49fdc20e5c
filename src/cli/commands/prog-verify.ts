import { errorCodes } from '../../errors/codes.js';
import type { VerifierAnswer } from '../../loader/verify-programs.js';
import { defineCommand } from '../command.js';
import type { Output } from '../output.js';
import { asDocument, errorLines } from '../report-error.js';
import { formatCount, formatDuration } from '../units.js';
import { objectParameter, programFlag } from '../xdp-flags.js';

type Flags = { readonly prog?: string; readonly type?: string; readonly log?: boolean };

export const progVerify = defineCommand<Flags, [string]>({
  brief: "Ask the kernel's verifier about every program of an object, and load none",
  description: [
    'Each program is loaded by itself, with maps of its own, and let go at once. What the verifier followed to accept it is',
    'told (instructions on all ways, states, stack of each function, time), and of each one that it refuses why, and what',
    'to write instead. Ends with 6 where it refuses one.',
  ].join('\n'),
  parameters: {
    flags: {
      prog: programFlag,
      type: {
        kind: 'parsed',
        parse: String,
        optional: true,
        placeholder: 'TYPE',
        brief: 'The type of programs whose section does not tell it, as in xdp or sched_cls',
      },
      log: {
        kind: 'boolean',
        optional: true,
        withNegated: false,
        brief: "Print the verifier's log of accepted programs too: every way, with all that is known there",
      },
    },
    positional: { kind: 'tuple', parameters: [objectParameter] },
  },
  async run({ flags, output }, path) {
    const { openObject } = await import('../../loader/open.js');
    const { verifyPrograms } = await import('../../loader/verify-programs.js');
    const { prog: program, type, log } = flags;
    const verified = verifyPrograms(await openObject(path), { program, type, log });
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
    output.document({ programs: verified.map(programDocument) });
    const failed = verified.flatMap(({ error }) => (error === undefined ? [] : [error.code]));
    const [first] = failed;
    return first === undefined ? 0 : errorCodes[failed.includes('VERIFIER') ? 'VERIFIER' : first].exit;
  },
});

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

function programDocument({ name, section, type, accepted, totals, error, log }: VerifierAnswer) {
  return {
    name,
    section,
    type: type ?? null,
    accepted: error === undefined,
    instructions: accepted?.instructions ?? null,
    jitedSize: accepted?.jitedSize ?? null,
    totals: totals ?? null,
    error: error === undefined ? null : asDocument(error, error),
    ...(log === undefined ? {} : { log }),
  };
}
