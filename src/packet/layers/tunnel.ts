/** GRE (RFC 2784, RFC 2890) and VXLAN (RFC 7348). IP in IP needs no words of its own: `ip/ip`. */
import { internetChecksum } from '../checksum.js';
import { type Field, type FieldValues, numberOf } from '../field.js';
import type { LayerDefinition } from '../layer.js';
import { layerByType, typeField } from './ethernet.js';

export const vxlanPort = 4789;

const number = (name: string, bits: number, initial = 0): Field => ({ name, bits, form: { kind: 'number' }, initial });

/** Bits of the field `flags`, which say what follows. */
const greFlags = { c: 12, k: 10, s: 9 } as const;
const has = (values: FieldValues, flag: keyof typeof greFlags): boolean =>
  ((numberOf(values, 'flags') >> greFlags[flag]) & 1) === 1;

const gre: LayerDefinition = {
  name: 'gre',
  within: ['ip', 'ip6', 'hopopts', 'routing', 'fragment', 'dstopts'],
  fields: [
    {
      name: 'flags',
      bits: 13,
      form: { kind: 'flags', names: greFlags },
      initial: 0,
      // A checksum must be asked for: `flags c`.
      automatic: ({ values }) => (values.has('key') ? 2 ** greFlags.k : 0) + (values.has('seq') ? 2 ** greFlags.s : 0),
    },
    number('version', 3),
    typeField,
    {
      name: 'sum',
      bits: 16,
      form: { kind: 'number', hex: true },
      initial: 0,
      follows: 'sum',
      automatic: ({ header, payload }) => internetChecksum(header, payload),
      when: (values) => has(values, 'c'),
    },
    { ...number('reserved', 16), when: (values) => has(values, 'c') },
    { ...number('key', 32), when: (values) => has(values, 'k'), shown: true },
    { ...number('seq', 32), when: (values) => has(values, 's'), shown: true },
  ],
  // Version 1 is PPTP's; the bit of a source route makes the header longer.
  accepts: (values) => numberOf(values, 'version') === 0 && ((numberOf(values, 'flags') >> 11) & 1) === 0,
  next: layerByType,
};

const vxlan: LayerDefinition = {
  name: 'vxlan',
  within: ['udp'],
  fields: [
    { name: 'flags', bits: 8, form: { kind: 'flags', names: { i: 3 } }, initial: 8 },
    number('reserved', 24),
    { ...number('vni', 24, 1), shown: true },
    number('reserved2', 8),
  ],
  next: () => 'eth',
};

export const tunnelLayers: readonly LayerDefinition[] = [gre, vxlan];
