import { defineCommand } from '../command.js';
import { mapReference } from '../map-documents.js';
import { mapParameter } from '../map-flags.js';
import { pinPathParameter } from '../pin-flags.js';

export const mapPin = defineCommand<Record<never, never>, [map: string, path: string]>({
  brief: 'Pin a map, so that it outlives those who use it',
  parameters: { positional: { kind: 'tuple', parameters: [mapParameter, pinPathParameter] } },
  async run({ output }, reference, path) {
    const { findMap } = await import('../../kernel/find-map.js');
    using map = findMap(reference);
    map.pin(path);
    output.note(`pinned map ${map.name} at ${path}`);
    output.document({ map: mapReference(map), pin: path });
    return undefined;
  },
});
