import { defineCommand } from '../command.js';
import { mapReference } from '../map-documents.js';
import { pinPathParameter } from '../pin-flags.js';

export const mapUnpin = defineCommand<Record<never, never>, [path: string]>({
  brief: "Remove a map's pin; the map goes when nothing else holds it",
  parameters: { positional: { kind: 'tuple', parameters: [pinPathParameter] } },
  async run({ output }, path) {
    const { openMap } = await import('../../kernel/map-create.js');
    const { unpin } = await import('../../kernel/unpin.js');
    using map = openMap(unpin(path, 'map'));
    output.note(`map ${map.name} is no longer pinned at ${path}`);
    output.document({ map: mapReference(map), pin: path });
    return undefined;
  },
});
