/** IPv4 (RFC 791), IPv6 and its extension headers (RFC 8200). */
import { internetChecksum } from '../checksum.js';
import { bytesOf, type Field, type FieldValues, numberOf, type Surroundings } from '../field.js';
import { parseIpv4, parseIpv6 } from '../ip-address.js';
import type { LayerDefinition } from '../layer.js';

/** By layer (IANA protocol numbers). */
export const protocolNumbers = {
  hopopts: 0,
  icmp: 1,
  ip: 4,
  tcp: 6,
  udp: 17,
  ip6: 41,
  routing: 43,
  fragment: 44,
  gre: 47,
  icmp6: 58,
  dstopts: 60,
} as const;
const layerOfProtocol = new Map<number, string>(
  Object.entries(protocolNumbers).map(([name, number]) => [number, name]),
);
/** For experiments (RFC 3692), and "there is nothing". */
const experimental = 253;
const nothing = 59;

const number = (name: string, bits: number, initial = 0): Field => ({ name, bits, form: { kind: 'number' }, initial });

function protocolField(name: string, empty: number): Field {
  return {
    name,
    bits: 8,
    form: { kind: 'number', names: () => protocolNumbers },
    initial: empty,
    automatic: ({ next }) => {
      if (next === undefined) return empty;
      return Object.entries(protocolNumbers).find(([layer]) => layer === next)?.[1] ?? experimental;
    },
  };
}

/** Behind the first fragment no header begins. */
const nextBy =
  (field: string) =>
  (values: FieldValues): string | undefined =>
    numberOf(values, 'offset') === 0 ? layerOfProtocol.get(numberOf(values, field)) : undefined;

const offset: Field = { name: 'offset', bits: 13, form: { kind: 'number', scale: 8 }, initial: 0 };
const dscpAndEcn: readonly Field[] = [number('dscp', 6), number('ecn', 2)];
const tos: LayerDefinition['aliases'] = {
  tos: {
    ...number('tos', 8),
    split: (value) => [
      ['dscp', value >> 2],
      ['ecn', value & 3],
    ],
  },
};
const carriers = ['eth', 'vlan', 'mpls', 'gre', 'ip', 'ip6', 'hopopts', 'routing', 'fragment', 'dstopts'];

const ip: LayerDefinition = {
  name: 'ip',
  within: [...carriers, 'icmp'],
  fields: [
    number('version', 4, 4),
    { ...number('ihl', 4), follows: 'length', automatic: ({ values }) => 5 + bytesOf(values, 'options').length / 4 },
    ...dscpAndEcn,
    {
      ...number('len', 16),
      follows: 'length',
      automatic: ({ values, payload }) => 20 + bytesOf(values, 'options').length + payload.length,
    },
    number('id', 16),
    { name: 'flags', bits: 3, form: { kind: 'flags', names: { evil: 2, df: 1, mf: 0 } }, initial: 0 },
    offset,
    number('ttl', 8, 64),
    protocolField('proto', experimental),
    {
      name: 'sum',
      bits: 16,
      form: { kind: 'number', hex: true },
      initial: 0,
      follows: 'sum',
      automatic: ({ header }) => internetChecksum(header),
    },
    { name: 'src', bits: 32, form: { kind: 'ip4' }, initial: parseIpv4('192.0.2.1'), shown: true },
    { name: 'dst', bits: 32, form: { kind: 'ip4' }, initial: parseIpv4('192.0.2.2'), shown: true },
    {
      name: 'options',
      bits: (values) => numberOf(values, 'ihl') * 32 - 160,
      form: { kind: 'bytes' },
      initial: new Uint8Array(),
    },
  ],
  aliases: tos,
  options: { field: 'options', words: [], unit: 4, before: 20 },
  accepts: (values) => numberOf(values, 'version') === 4,
  next: nextBy('proto'),
  length: (values) => numberOf(values, 'len'),
};

const ip6: LayerDefinition = {
  name: 'ip6',
  within: [...carriers, 'icmp6'],
  fields: [
    number('version', 4, 6),
    ...dscpAndEcn,
    { name: 'flow', bits: 20, form: { kind: 'number', hex: true }, initial: 0 },
    { ...number('len', 16), follows: 'length', automatic: ({ payload }) => payload.length },
    protocolField('next', nothing),
    number('hop', 8, 64),
    { name: 'src', bits: 128, form: { kind: 'ip6' }, initial: parseIpv6('2001:db8::1'), shown: true },
    { name: 'dst', bits: 128, form: { kind: 'ip6' }, initial: parseIpv6('2001:db8::2'), shown: true },
  ],
  aliases: tos,
  accepts: (values) => numberOf(values, 'version') === 6,
  next: nextBy('next'),
  length: (values) => 40 + numberOf(values, 'len'),
};

const withinIp6 = ['ip6', 'hopopts', 'routing', 'fragment', 'dstopts'];
const lengthField = (content: string, fixed: number): Field => ({
  ...number('len', 8),
  follows: 'length',
  // Counted in eight bytes, the first eight not among them.
  automatic: ({ values }: Surroundings) => Math.max(0, (fixed + bytesOf(values, content).length) / 8 - 1),
});
const contentField = (name: string, fixed: number, initial: Uint8Array): Field => ({
  name,
  bits: (values) => (numberOf(values, 'len') + 1) * 64 - fixed * 8,
  form: { kind: 'bytes' },
  initial,
});

/** Six bytes of padding (PadN), so that there is a header at all. */
const padding = Uint8Array.of(1, 4, 0, 0, 0, 0);
const optionHeader = (name: string): LayerDefinition => ({
  name,
  within: withinIp6,
  fields: [protocolField('next', nothing), lengthField('options', 2), contentField('options', 2, padding)],
  options: { field: 'options', words: [], unit: 8, before: 2 },
  next: nextBy('next'),
});

const routing: LayerDefinition = {
  name: 'routing',
  within: withinIp6,
  fields: [
    protocolField('next', nothing),
    lengthField('content', 4),
    number('type', 8),
    number('left', 8),
    contentField('content', 4, new Uint8Array(4)),
  ],
  options: { field: 'content', words: [], unit: 8, before: 4 },
  next: nextBy('next'),
};

const fragment: LayerDefinition = {
  name: 'fragment',
  within: withinIp6,
  fields: [
    protocolField('next', nothing),
    number('reserved', 8),
    { ...offset, shown: true },
    { name: 'flags', bits: 3, form: { kind: 'flags', names: { mf: 0 } }, initial: 0 },
    number('id', 32),
  ],
  next: nextBy('next'),
};

export const internetLayers: readonly LayerDefinition[] = [
  ip,
  ip6,
  optionHeader('hopopts'),
  routing,
  fragment,
  optionHeader('dstopts'),
];
