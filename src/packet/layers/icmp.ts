/** ICMP (RFC 792), ICMPv6 (RFC 4443) and neighbour discovery (RFC 4861). What follows the first word depends on the type. */
import { internetChecksum } from '../checksum.js';
import { type Field, type FieldValues, numberOf } from '../field.js';
import { parseIpv4, parseIpv6 } from '../ip-address.js';
import type { LayerDefinition } from '../layer.js';
import { protocolNumbers } from './internet.js';
import { sumWithAddresses } from './transport.js';

const types = {
  'echo-reply': 0,
  unreachable: 3,
  redirect: 5,
  echo: 8,
  'time-exceeded': 11,
  'parameter-problem': 12,
  timestamp: 13,
  'timestamp-reply': 14,
} as const;
const codes: Readonly<Record<number, Readonly<Record<string, number>>>> = {
  [types.unreachable]: {
    net: 0,
    host: 1,
    protocol: 2,
    port: 3,
    'fragmentation-needed': 4,
    'source-route': 5,
    'net-prohibited': 9,
    'host-prohibited': 10,
    prohibited: 13,
  },
  [types.redirect]: { net: 0, host: 1 },
  [types['time-exceeded']]: { transit: 0, reassembly: 1 },
};
const types6 = {
  unreachable: 1,
  'too-big': 2,
  'time-exceeded': 3,
  'parameter-problem': 4,
  echo: 128,
  'echo-reply': 129,
  'router-solicit': 133,
  'router-advert': 134,
  'neighbour-solicit': 135,
  'neighbour-advert': 136,
  redirect: 137,
} as const;
const codes6: Readonly<Record<number, Readonly<Record<string, number>>>> = {
  [types6.unreachable]: {
    'no-route': 0,
    prohibited: 1,
    'beyond-scope': 2,
    address: 3,
    port: 4,
    policy: 5,
    reject: 6,
  },
  [types6['time-exceeded']]: { transit: 0, reassembly: 1 },
};

const ofType =
  (...numbers: readonly number[]) =>
  (values: FieldValues): boolean =>
    numbers.includes(numberOf(values, 'type'));
const ofOtherType =
  (...numbers: readonly number[]) =>
  (values: FieldValues): boolean =>
    !numbers.includes(numberOf(values, 'type'));

const number = (name: string, bits: number, when: (values: FieldValues) => boolean, shown = false): Field => ({
  name,
  bits,
  form: { kind: 'number' },
  initial: 0,
  when,
  shown,
});

const head = (
  names: Readonly<Record<string, number>>,
  initial: number,
  codeNames: Readonly<Record<number, Readonly<Record<string, number>>>>,
): readonly [Field, Field] => [
  { name: 'type', bits: 8, form: { kind: 'number', names: () => names }, initial, shown: true },
  {
    name: 'code',
    bits: 8,
    form: { kind: 'number', names: (values) => codeNames[numberOf(values, 'type')] ?? {} },
    initial: 0,
  },
];

const sum = (automatic: NonNullable<Field['automatic']>): Field => ({
  name: 'sum',
  bits: 16,
  form: { kind: 'number', hex: true },
  initial: 0,
  follows: 'sum',
  automatic,
});
const rest = (when: (values: FieldValues) => boolean): Field => ({
  name: 'rest',
  bits: 32,
  form: { kind: 'number', hex: true },
  initial: 0,
  when,
});

const queries = [types.echo, types['echo-reply'], types.timestamp, types['timestamp-reply']];
const icmp: LayerDefinition = {
  name: 'icmp',
  within: ['ip', 'ip6'],
  fields: [
    ...head(types, types.echo, codes),
    sum(({ header, payload }) => internetChecksum(header, payload)),
    number('id', 16, ofType(...queries), true),
    number('seq', 16, ofType(...queries), true),
    number('unused', 16, ofType(types.unreachable)),
    number('mtu', 16, ofType(types.unreachable)),
    {
      name: 'gateway',
      bits: 32,
      form: { kind: 'ip4' },
      initial: parseIpv4('192.0.2.254'),
      when: ofType(types.redirect),
      shown: true,
    },
    rest(ofOtherType(...queries, types.unreachable, types.redirect)),
  ],
  // The packet that an error is about.
  next: (values) =>
    ofType(types.unreachable, types.redirect, types['time-exceeded'], types['parameter-problem'])(values)
      ? 'ip'
      : undefined,
};

const queries6 = [types6.echo, types6['echo-reply']];
const icmp6: LayerDefinition = {
  name: 'icmp6',
  within: ['ip6', 'ip', 'hopopts', 'routing', 'fragment', 'dstopts'],
  fields: [
    ...head(types6, types6.echo, codes6),
    sum((surroundings) => sumWithAddresses(surroundings, protocolNumbers.icmp6)),
    number('id', 16, ofType(...queries6), true),
    number('seq', 16, ofType(...queries6), true),
    number('mtu', 32, ofType(types6['too-big']), true),
    number('pointer', 32, ofType(types6['parameter-problem'])),
    rest(ofOtherType(...queries6, types6['too-big'], types6['parameter-problem'])),
    {
      name: 'target',
      bits: 128,
      form: { kind: 'ip6' },
      initial: parseIpv6('2001:db8::2'),
      when: ofType(types6['neighbour-solicit'], types6['neighbour-advert']),
      shown: true,
    },
  ],
  next: (values) =>
    numberOf(values, 'type') <= types6['parameter-problem'] && numberOf(values, 'type') > 0 ? 'ip6' : undefined,
};

export const icmpLayers: readonly LayerDefinition[] = [icmp, icmp6];
