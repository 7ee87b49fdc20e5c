import type { ListedProgramType, SectionOfType } from '../../explain/programs.js';
import { defineCommand } from '../command.js';
import { hereSentence, hereText, nameParameter, printRows, releaseText, stateDocument } from '../explain-words.js';

export const explainProgram = defineCommand<Record<never, never>, [string?]>({
  brief: 'What a type of programs does, its context, SEC() names, verdicts and helpers; without a name all of them',
  parameters: {
    positional: nameParameter('A type of programs, as in xdp, or what stands in SEC(), as in tcx/ingress', 'TYPE'),
  },
  async run({ output }, name) {
    const { explainProgramType, listProgramTypes } = await import('../../explain/programs.js');
    if (name === undefined) {
      const all = listProgramTypes();
      await output.table(
        [{ title: 'NAME' }, { title: 'SINCE' }, { title: 'HERE' }, { title: 'WHAT IT DOES' }],
        all.map((each) => [each.name, releaseText(each.since), hereText(each.here), each.what]),
      );
      output.document({ programTypes: all.map(programDocument) });
      return undefined;
    }
    const type = explainProgramType(name);
    output.print(`${type.name}: ${type.what}\n`);
    printRows(output, [
      ['number', `${type.number} (BPF_PROG_TYPE_${type.name.toUpperCase()})`],
      ['since', `Linux ${releaseText(type.since)}; ${hereSentence(type.here)}`],
      ['attached by', type.attach],
      ['context', contextText(type)],
      ...type.sections.map((section): [string, string] => [`SEC("${section.section}")`, sectionText(section)]),
      ['returns', type.returns],
      ...type.verdicts.map((verdict): [string, string] => [`${verdict.name} (${verdict.number})`, verdict.what]),
      ...type.notes.map((note): [string, string] => ['note', note]),
    ]);
    if (type.helpers === undefined)
      output.print(
        '\nWhich helpers it may call is not told: it depends on what the program hooks, or trying them takes root or CAP_BPF.',
      );
    else output.print(`\nIt may call ${type.helpers.length} helpers in this kernel:\n${wrapped(type.helpers)}`);
    output.document({ ...programDocument(type), helpers: type.helpers ?? null });
    return undefined;
  },
});

function contextText({ context, name }: ListedProgramType): string | undefined {
  return context && `struct ${context} (\`xdpkit explain ctx ${name}\` tells what becomes of its fields)`;
}

function sectionText({ attachType, since }: SectionOfType): string {
  if (attachType === undefined) return 'any';
  return `attach type ${attachType}${since === undefined ? '' : ` (since Linux ${releaseText(since)})`}`;
}

/** Lines of at most 100 letters. */
function wrapped(words: readonly string[]): string {
  const lines = [''];
  for (const word of words) {
    const last = lines.at(-1) ?? '';
    if (last !== '' && last.length + word.length > 98) lines.push('');
    lines[lines.length - 1] = `${lines.at(-1)} ${word}`;
  }
  return lines.map((line) => ` ${line}`).join('\n');
}

function programDocument({ here, returns, context, sections, verdicts, ...type }: ListedProgramType) {
  return {
    ...type,
    ...stateDocument(here),
    context: context ?? null,
    returns: returns ?? null,
    sections: sections.map(({ section, attachType, since }) => ({
      section,
      attachType: attachType ?? null,
      since: since ?? null,
    })),
    verdicts: verdicts.map(({ name, number }) => ({ name, number })),
  };
}
