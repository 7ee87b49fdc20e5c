import type { ExplainedMapType } from '../../explain/maps.js';
import { defineCommand } from '../command.js';
import { hereSentence, hereText, nameParameter, printRows, releaseText, stateDocument } from '../explain-words.js';

export const explainMap = defineCommand<Record<never, never>, [string?]>({
  brief: 'What a type of maps is for, its keys and values, and whether this kernel has it; without a name all of them',
  parameters: { positional: nameParameter('A type of maps, as in lpm_trie', 'TYPE') },
  async run({ output }, name) {
    const { explainMapType, listMapTypes } = await import('../../explain/maps.js');
    if (name === undefined) {
      const all = listMapTypes();
      await output.table(
        [{ title: 'NAME' }, { title: 'SINCE' }, { title: 'HERE' }, { title: 'WHAT IT IS FOR' }],
        all.map((each) => [each.name, releaseText(each.since), hereText(each.here), each.what]),
      );
      output.document({ mapTypes: all.map(mapDocument) });
      return undefined;
    }
    const type = explainMapType(name);
    output.print(`${type.name}: ${type.what}\n`);
    printRows(output, [
      ['number', `${type.number} (BPF_MAP_TYPE_${type.name.toUpperCase()})`],
      ['since', `Linux ${releaseText(type.since)}; ${hereSentence(type.here)}`],
      ['key', type.key],
      ['value', type.value],
      ['max_entries', type.entries],
      ...type.flags.map((flag): [string, string] => [`BPF_F_${flag.name}`, flag.what]),
      ...type.notes.map((note): [string, string] => ['note', note]),
    ]);
    output.document(mapDocument(type));
    return undefined;
  },
});

function mapDocument({ here, entries, ...type }: ExplainedMapType) {
  return { ...type, entries: entries ?? null, ...stateDocument(here) };
}
