import { XdpkitError } from '../../errors/error.js';
import { defineCommand } from '../command.js';
import { mapReference } from '../map-documents.js';
import { keyParameter, mapParameter, perCpuFlag } from '../map-flags.js';

type Flags = { readonly perCpu?: boolean };

export const mapGet = defineCommand<Flags, [map: string, key: string]>({
  brief: 'Print the value at a key',
  parameters: {
    positional: { kind: 'tuple', parameters: [mapParameter, keyParameter] },
    flags: { perCpu: { ...perCpuFlag, brief: "Each CPU's own value instead of their sum" } },
  },
  async run({ flags, output, context }, reference, word) {
    const { findMap } = await import('../../kernel/find-map.js');
    const { readMapText } = await import('../../kernel/map-text.js');
    const { describeValue, entryDocument, widthOf } = await import('../map-entries.js');
    using map = findMap(reference);
    const text = readMapText(map);
    const key = text.parseKey(word);
    const value = map.get(key);
    if (value === undefined) throw new XdpkitError('KEY_NOT_FOUND', `map "${map.name}" has no entry at ${word}`);
    output.print(describeValue(text, value, flags.perCpu ?? false, widthOf(context)));
    output.document({ map: mapReference(map), ...entryDocument(key, value, flags.perCpu ?? false) });
    return undefined;
  },
});
