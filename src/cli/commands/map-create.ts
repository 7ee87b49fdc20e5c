import { basename } from 'node:path';
import { defineCommand } from '../command.js';
import { mapReference } from '../map-documents.js';
import { wholeNumber } from '../parsers.js';
import { pinPathParameter } from '../pin-flags.js';

type Flags = {
  readonly type: string;
  readonly key?: number;
  readonly value?: number;
  readonly entries?: number;
  readonly name?: string;
  readonly flags?: number;
  readonly extra?: number;
  readonly numaNode?: number;
  readonly inner?: string;
};

const sizeFlag = { kind: 'parsed', parse: wholeNumber, optional: true, placeholder: 'BYTES' } as const;

export const mapCreate = defineCommand<Flags, [path: string]>({
  brief: 'Create a map that no object defines, and pin it',
  parameters: {
    positional: { kind: 'tuple', parameters: [pinPathParameter] },
    flags: {
      type: { kind: 'parsed', parse: String, placeholder: 'TYPE', brief: 'As in hash, percpu_array, lpm_trie, queue' },
      key: { ...sizeFlag, brief: 'Size of a key (when not given what the type asks for, else 0: no keys)' },
      value: { ...sizeFlag, brief: 'Size of a value, of one CPU (when not given what the type asks for, else 0)' },
      entries: {
        kind: 'parsed',
        parse: wholeNumber,
        optional: true,
        placeholder: 'N',
        brief: 'How many it holds at most; bytes of a ring buffer; not for storage of sockets, tasks and the like',
      },
      name: { kind: 'parsed', parse: String, optional: true, placeholder: 'NAME', brief: "The pin's when not given" },
      flags: { kind: 'parsed', parse: flagBits, optional: true, placeholder: 'BITS', brief: 'BPF_F_*, as in 0x80' },
      extra: {
        kind: 'parsed',
        parse: wholeNumber,
        optional: true,
        placeholder: 'N',
        brief: "A bloom filter's number of hash functions, or an arena's address",
      },
      numaNode: { kind: 'parsed', parse: wholeNumber, optional: true, placeholder: 'N', brief: 'Where its memory is' },
      inner: {
        kind: 'parsed',
        parse: String,
        optional: true,
        placeholder: 'MAP',
        brief: 'For a map of maps: one of the shape that all of them have',
      },
    },
  },
  async run({ flags, output }, path) {
    const { createPlainMap } = await import('../../kernel/create-plain-map.js');
    const { findMap } = await import('../../kernel/find-map.js');
    const { type, key: keySize, value: valueSize, entries: maxEntries = 0, name = basename(path), numaNode } = flags;
    const mapExtra = flags.extra === undefined ? undefined : BigInt(flags.extra);
    using inner = flags.inner === undefined ? undefined : findMap(flags.inner);
    const shape = { name, type, keySize, valueSize, maxEntries, flags: flags.flags, mapExtra, numaNode };
    using map = createPlainMap({ ...shape, inner });
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
