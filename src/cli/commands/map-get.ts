import { XdpkitError } from '../../errors/error.js';
import { defineCommand } from '../command.js';
import { mapReference } from '../map-documents.js';
import { keyParameter, mapParameter, perCpuFlag } from '../map-flags.js';

type Flags = { readonly perCpu?: boolean };

export const mapGet = defineCommand<Flags, [map: string, key: string]>({
  brief: 'Print the value at a key',
  description: [
    'Print the value at a key. Storage is asked for by its owner: pid:17, or the path of a control group or file. A bloom',
    'filter is asked for a value: true when it was added, or is taken for one that was.',
  ].join('\n'),
  parameters: {
    positional: { kind: 'tuple', parameters: [mapParameter, keyParameter] },
    flags: { perCpu: { ...perCpuFlag, brief: "Each CPU's own value instead of their sum" } },
  },
  async run({ flags, output, context }, reference, word) {
    const { findMap } = await import('../../kernel/find-map.js');
    const { readMapText } = await import('../../kernel/map-text.js');
    const { readEntry } = await import('../../kernel/worded-entries.js');
    const { describeValue, entryDocument, widthOf } = await import('../map-entries.js');
    using map = findMap(reference);
    const text = readMapText(map);
    const entry = readEntry(map, word);
    if (entry === undefined) throw new XdpkitError('KEY_NOT_FOUND', `map "${map.name}" has no entry at ${word}`);
    const { key, value } = entry;
    output.print(describeValue(text, value, flags.perCpu ?? false, widthOf(context)));
    output.document({ map: mapReference(map), ...entryDocument(text, key, value, flags.perCpu ?? false) });
    return undefined;
  },
});
