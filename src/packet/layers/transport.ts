/** UDP (RFC 768) and TCP (RFC 9293). */
import { internetChecksum, pseudoHeader } from '../checksum.js';
import { bytesOf, type Field, numberOf, type Surroundings } from '../field.js';
import type { LayerDefinition } from '../layer.js';
import { protocolNumbers } from './internet.js';
import { formatTcpOptions, tcpOptionWords } from './tcp-options.js';
import { vxlanPort } from './tunnel.js';

const number = (name: string, bits: number, initial = 0): Field => ({ name, bits, form: { kind: 'number' }, initial });

/**
 * The checksum over addresses, header and payload; the addresses are those of the innermost IP header around, also where a
 * routing header says that another destination is to come.
 */
export function sumWithAddresses({ header, payload, outer }: Surroundings, protocol: number): number {
  const ip = outer.findLast(({ name }) => name === 'ip' || name === 'ip6');
  const parts = [header, payload];
  if (ip) {
    const [source, destination] = [bytesOf(ip.values, 'src'), bytesOf(ip.values, 'dst')];
    parts.unshift(pseudoHeader(source, destination, protocol, header.length + payload.length));
  }
  return internetChecksum(...parts);
}

const withinIp = ['ip', 'ip6', 'hopopts', 'routing', 'fragment', 'dstopts'];
/** Some port of a client, and "discard": what nobody should take for something else. */
const somePort = 40_000;
const discard = 9;

const udp: LayerDefinition = {
  name: 'udp',
  within: withinIp,
  fields: [
    { ...number('sport', 16, somePort), shown: true },
    {
      ...number('dport', 16, discard),
      automatic: ({ next }) => (next === 'vxlan' ? vxlanPort : discard),
      shown: true,
    },
    { ...number('len', 16), follows: 'length', automatic: ({ payload }) => 8 + payload.length },
    {
      name: 'sum',
      bits: 16,
      form: { kind: 'number', hex: true },
      initial: 0,
      follows: 'sum',
      // Zero would say that there is none.
      automatic: (surroundings) => sumWithAddresses(surroundings, protocolNumbers.udp) || 0xffff,
    },
  ],
  next: (values) => (numberOf(values, 'dport') === vxlanPort ? 'vxlan' : undefined),
};

const tcp: LayerDefinition = {
  name: 'tcp',
  within: withinIp,
  fields: [
    { ...number('sport', 16, somePort), shown: true },
    { ...number('dport', 16, 80), shown: true },
    number('seq', 32),
    number('ack', 32),
    { ...number('offset', 4), follows: 'length', automatic: ({ values }) => 5 + bytesOf(values, 'options').length / 4 },
    number('reserved', 3),
    {
      name: 'flags',
      bits: 9,
      form: {
        kind: 'flags',
        names: { syn: 1, fin: 0, rst: 2, psh: 3, ack: 4, urg: 5, ece: 6, cwr: 7, ae: 8 },
      },
      initial: 0,
      shown: true,
    },
    number('window', 16, 65_535),
    {
      name: 'sum',
      bits: 16,
      form: { kind: 'number', hex: true },
      initial: 0,
      follows: 'sum',
      automatic: (surroundings) => sumWithAddresses(surroundings, protocolNumbers.tcp),
    },
    number('urgent', 16),
    {
      name: 'options',
      bits: (values) => numberOf(values, 'offset') * 32 - 160,
      form: { kind: 'bytes' },
      initial: new Uint8Array(),
    },
  ],
  options: { field: 'options', words: tcpOptionWords, unit: 4, before: 20 },
  formatOptions: formatTcpOptions,
};

export const transportLayers: readonly LayerDefinition[] = [udp, tcp];
