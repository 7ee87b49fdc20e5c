import { XdpkitError } from '../../errors/error.js';
import { defineCommand } from '../command.js';
import { mapReference } from '../map-documents.js';
import { mapParameter } from '../map-flags.js';

type Flags = { readonly peek?: boolean };

export const mapPop = defineCommand<Flags, [map: string]>({
  brief: 'Take the next value out of a queue or a stack, and print it',
  parameters: {
    positional: { kind: 'tuple', parameters: [mapParameter] },
    flags: {
      peek: { kind: 'boolean', optional: true, withNegated: false, brief: 'Print the value, and leave it there' },
    },
  },
  async run({ flags, output, context }, reference) {
    const { findMap } = await import('../../kernel/find-map.js');
    const { readMapText } = await import('../../kernel/map-text.js');
    const { describeValue, widthOf } = await import('../map-entries.js');
    const { QueueMap } = await import('../../kernel/queue-map.js');
    using map = findMap(reference);
    const queue = new QueueMap(map);
    const value = flags.peek ? queue.peek() : queue.pop();
    if (value === undefined) throw new XdpkitError('KEY_NOT_FOUND', `map "${map.name}" is empty`);
    output.print(describeValue(readMapText(map), value, false, widthOf(context)));
    output.document({ map: mapReference(map), value });
    return undefined;
  },
});
