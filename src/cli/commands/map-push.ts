import { defineCommand } from '../command.js';
import { mapReference } from '../map-documents.js';
import { mapParameter, valueParameter } from '../map-flags.js';

type Flags = { readonly replaceOldest?: boolean };

export const mapPush = defineCommand<Flags, [map: string, value: string]>({
  brief: 'Add a value to a queue, a stack or a bloom filter',
  parameters: {
    positional: { kind: 'tuple', parameters: [mapParameter, valueParameter] },
    flags: {
      replaceOldest: {
        kind: 'boolean',
        optional: true,
        withNegated: false,
        brief: 'When it is full, give up the oldest value',
      },
    },
  },
  async run({ flags, output }, reference, value) {
    const { findMap } = await import('../../kernel/find-map.js');
    const { readMapText } = await import('../../kernel/map-text.js');
    const { BloomFilter } = await import('../../kernel/maps/bloom-filter.js');
    const { QueueMap } = await import('../../kernel/queue-map.js');
    using map = findMap(reference);
    const given = readMapText(map).parseValue(value);
    if (map.definition.type === 'bloom_filter') new BloomFilter(map).push(given);
    else new QueueMap(map).push(given, { replaceOldest: flags.replaceOldest ?? false });
    output.note(`pushed to map ${map.name}`);
    output.document({ map: mapReference(map) });
    return undefined;
  },
});
