import { basename } from 'node:path';
import { defineCommand } from '../command.js';
import { mapReference } from '../map-documents.js';
import { wholeNumber } from '../parsers.js';
import { pinPathParameter } from '../pin-flags.js';

type Flags = {
  readonly type: string;
  readonly key?: number;
  readonly value?: number;
  readonly entries: number;
  readonly name?: string;
  readonly flags?: number;
};

const sizeFlag = { kind: 'parsed', parse: wholeNumber, optional: true, placeholder: 'BYTES' } as const;

export const mapCreate = defineCommand<Flags, [path: string]>({
  brief: 'Create a map that no object defines, and pin it',
  parameters: {
    positional: { kind: 'tuple', parameters: [pinPathParameter] },
    flags: {
      type: { kind: 'parsed', parse: String, placeholder: 'TYPE', brief: 'As in hash, percpu_array, lpm_trie, queue' },
      key: { ...sizeFlag, brief: 'Size of a key (0 when not given, for maps without keys)' },
      value: { ...sizeFlag, brief: 'Size of a value, of one CPU (0 when not given)' },
      entries: {
        kind: 'parsed',
        parse: wholeNumber,
        placeholder: 'N',
        brief: 'How many it holds at most; for a ring buffer its bytes',
      },
      name: { kind: 'parsed', parse: String, optional: true, placeholder: 'NAME', brief: "The pin's when not given" },
      flags: { kind: 'parsed', parse: flagBits, optional: true, placeholder: 'BITS', brief: 'BPF_F_*, as in 0x80' },
    },
  },
  async run({ flags, output }, path) {
    const { createPlainMap } = await import('../../kernel/create-plain-map.js');
    const { type, key: keySize = 0, value: valueSize = 0, entries: maxEntries, name = basename(path) } = flags;
    using map = createPlainMap({ name, type, keySize, valueSize, maxEntries, flags: flags.flags });
    map.pin(path);
    const reference = mapReference(map);
    output.note(`created map ${map.name} (${reference.id}), pinned at ${path}`);
    output.document({ map: reference, pin: path });
    return undefined;
  },
});

function flagBits(text: string): number {
  const bits = Number(text);
  if (!/^(\d+|0x[0-9a-f]+)$/i.test(text) || bits >= 2 ** 32) throw new Error(`'${text}' is no number of 32 bits`);
  return bits;
}
