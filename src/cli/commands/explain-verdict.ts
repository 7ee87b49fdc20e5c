import type { ExplainedVerdict } from '../../explain/verdicts.js';
import { defineCommand } from '../command.js';
import { nameParameter, printRows, releaseText } from '../explain-words.js';

export const explainVerdict = defineCommand<Record<never, never>, [string?]>({
  brief: 'What becomes of a packet by what a program returns, and where it is counted; without a name all of them',
  parameters: { positional: nameParameter('A verdict, as in XDP_DROP; drop names those of all types') },
  async run({ output }, name) {
    const { explainVerdicts, listVerdicts } = await import('../../explain/verdicts.js');
    const found = name === undefined ? listVerdicts() : explainVerdicts(name);
    if (name === undefined) {
      await output.table(
        [
          { title: 'NAME' },
          { title: 'NUMBER', align: 'right' },
          { title: 'PROGRAMS' },
          { title: 'SINCE' },
          { title: 'WHAT BECOMES' },
        ],
        found.map((each) => [
          each.name,
          String(each.number),
          each.programTypes.join(', '),
          releaseText(each.since),
          each.what,
        ]),
      );
    } else {
      for (const [index, each] of found.entries()) {
        output.print(`${index > 0 ? '\n' : ''}${each.name}: ${each.what}\n`);
        printRows(output, [
          ['number', String(each.number)],
          ['since', `Linux ${releaseText(each.since)}`],
          ['returned by', each.programTypes.join(', ')],
          ['seen', each.seen],
        ]);
      }
    }
    output.document({ verdicts: found.map(verdictDocument) });
    return undefined;
  },
});

function verdictDocument({ seen, ...verdict }: ExplainedVerdict) {
  return { ...verdict, seen: seen ?? null };
}
