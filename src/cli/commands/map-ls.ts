import { defineCommand } from '../command.js';
import { mapDocument } from '../map-documents.js';
import { formatBytes } from '../units.js';

export const mapLs = defineCommand<Record<never, never>, []>({
  brief: 'List the maps that the kernel has, and where they are pinned',
  parameters: {},
  async run({ output }) {
    const { listMaps } = await import('../../kernel/list-maps.js');
    const { pinPathsOf } = await import('../../kernel/pin-index.js');
    const maps = [...listMaps()];
    const pins = pinPathsOf('map');
    if (maps.length === 0) output.print('the kernel has no maps');
    else {
      await output.table(
        [
          { title: 'ID', align: 'right' },
          { title: 'TYPE' },
          { title: 'NAME' },
          { title: 'KEY', align: 'right' },
          { title: 'VALUE', align: 'right' },
          { title: 'ENTRIES', align: 'right' },
          { title: 'MEMORY', align: 'right' },
        ],
        maps.map(({ id, type, fullName, keySize, valueSize, maxEntries, memoryBytes }) => [
          String(id),
          type,
          fullName || '-',
          `${keySize} B`,
          `${valueSize} B`,
          String(maxEntries),
          memoryBytes === undefined ? '-' : formatBytes(memoryBytes),
        ]),
      );
      for (const { id } of maps) for (const path of pins.get(id) ?? []) output.print(`map ${id} is pinned at ${path}`);
    }
    output.document({ maps: maps.map((map) => mapDocument(map, pins.get(map.id) ?? [])) });
    return undefined;
  },
});
