import { XdpkitError } from '../../errors/error.js';
import { defineCommand } from '../command.js';
import { mapReference } from '../map-documents.js';
import { keyParameter, mapParameter } from '../map-flags.js';

export const mapDelete = defineCommand<Record<never, never>, [map: string, key: string]>({
  brief: 'Remove the entry at a key',
  parameters: { positional: { kind: 'tuple', parameters: [mapParameter, keyParameter] } },
  async run({ output }, reference, word) {
    const { findMap } = await import('../../kernel/find-map.js');
    const { deleteEntry } = await import('../../kernel/worded-entries.js');
    using map = findMap(reference);
    if (!deleteEntry(map, word)) {
      throw new XdpkitError('KEY_NOT_FOUND', `map "${map.name}" has no entry at ${word}`);
    }
    output.note(`removed ${word} from map ${map.name}`);
    output.document({ map: mapReference(map) });
    return undefined;
  },
});
