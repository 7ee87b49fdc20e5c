import { defineCommand, netnsFlag } from '../command.js';
import { mapReference } from '../map-documents.js';
import { keyParameter, mapParameter, perCpuFlag, valueParameter } from '../map-flags.js';

type Flags = { readonly mode?: 'any' | 'create' | 'update'; readonly perCpu?: boolean; readonly netns?: string };

export const mapSet = defineCommand<Flags, [map: string, key: string, value: string]>({
  brief: 'Write the value at a key',
  description: [
    'Write the value at a key. A value of a per-CPU map goes to the first CPU and zero to the others, so that the sum is',
    'what was given; with --per-cpu it is an array of one value for each CPU. The value of a program array or of a map of',
    'maps is the id, pin or name of what the entry is to hold. A device map takes dev:veth0 or an ifindex, a CPU map the',
    'length of the queue, both with the program that packets meet there if any: dev:veth0,program:17. A control group is',
    'its path. Storage is kept with its owner: the key is pid:17 or a path.',
  ].join('\n'),
  parameters: {
    positional: { kind: 'tuple', parameters: [mapParameter, keyParameter, valueParameter] },
    flags: {
      mode: {
        kind: 'enum',
        values: ['any', 'create', 'update'],
        optional: true,
        brief: 'Only a new key (create), or only one that is there (update)',
      },
      perCpu: { ...perCpuFlag, brief: "VALUE is an array of each CPU's own" },
      netns: netnsFlag,
    },
  },
  async run({ flags, output }, reference, key, value) {
    const { findMap } = await import('../../kernel/find-map.js');
    const { setEntry } = await import('../../kernel/worded-entries.js');
    using map = findMap(reference);
    setEntry(map, { key, value, mode: flags.mode, perCpu: flags.perCpu, netns: flags.netns });
    output.note(`wrote to ${key} of map ${map.name}`);
    output.document({ map: mapReference(map) });
    return undefined;
  },
});
