import { defineCommand } from '../command.js';
import { mapReference } from '../map-documents.js';
import { mapParameter, perCpuFlag } from '../map-flags.js';

type Flags = { readonly perCpu?: boolean };

export const mapDump = defineCommand<Flags, [map: string]>({
  brief: "Print a map's entries",
  description: [
    "Print a map's entries, KEY = VALUE, by the map's own types: enumerators by name; addresses, MACs and ports as they",
    'are written where type and field name tell them. With --json integers are exact (those in network order as what they',
    'mean) and bytes are hexadecimal digits, all as `map set` takes them.',
    'A per-CPU value is the sum over all CPUs, or one for each CPU where it has no sum.',
  ].join('\n'),
  parameters: {
    positional: { kind: 'tuple', parameters: [mapParameter] },
    flags: { perCpu: { ...perCpuFlag, brief: "Each CPU's own value" } },
  },
  async run({ flags, output, context }, reference) {
    const { findMap } = await import('../../kernel/find-map.js');
    const { readMapText } = await import('../../kernel/map-text.js');
    const { describeEntry, entryDocuments, widthOf } = await import('../map-entries.js');
    using map = findMap(reference);
    const text = readMapText(map);
    const perCpu = flags.perCpu ?? false;
    if (output.json) {
      await output.documentWith({ map: mapReference(map) }, 'entries', entryDocuments(map, text, perCpu));
      return undefined;
    }
    let count = 0;
    const width = widthOf(context);
    await output.lines(
      (function* () {
        for (const [key, value] of map) {
          count += 1;
          yield describeEntry(text, key, value, perCpu, width);
        }
      })(),
    );
    if (!context.signal.aborted) output.note(count === 1 ? '1 entry' : `${count} entries`);
    return undefined;
  },
});
