/** What stands between a wire and IP: Ethernet (IEEE 802.3), VLAN tags (802.1Q), MPLS (RFC 3032), ARP (RFC 826). */
import { etherType } from '../ethernet.js';
import { type Field, type FieldValues, numberOf, type Surroundings } from '../field.js';
import { parseIpv4 } from '../ip-address.js';
import type { LayerDefinition } from '../layer.js';
import { parseMac } from '../mac-address.js';

const mplsType = 0x8847;
const bridgedType = 0x6558;
/** For experiments on one's own network (IEEE 802): what bytes without a type get. */
const experimentalType = 0x88b5;

const typeNames = { ip: etherType.ipv4, ip6: etherType.ipv6, arp: etherType.arp, mpls: mplsType, eth: bridgedType };
const layerOfType: Readonly<Record<number, string>> = {
  ...Object.fromEntries(Object.entries(typeNames).map(([name, number]) => [number, name])),
  [etherType.vlan]: 'vlan',
  [etherType.serviceVlan]: 'vlan',
};

function typeOfNext({ next, afterNext }: Surroundings): number {
  // IEEE 802.1ad: the outer one of two tags is a service tag.
  if (next === 'vlan') return afterNext === 'vlan' ? etherType.serviceVlan : etherType.vlan;
  return Object.entries(typeNames).find(([name]) => name === next)?.[1] ?? experimentalType;
}

/** The field that says by EtherType what is inside. */
export const typeField: Field = {
  name: 'type',
  bits: 16,
  form: { kind: 'number', hex: true, names: () => typeNames },
  initial: experimentalType,
  automatic: typeOfNext,
};

export const layerByType = (values: FieldValues): string | undefined => layerOfType[numberOf(values, 'type')];

const mac = (name: string, initial: string, shown = true): Field => ({
  name,
  bits: 48,
  form: { kind: 'mac' },
  initial: parseMac(initial),
  shown,
});
const ip4 = (name: string, initial: string): Field => ({
  name,
  bits: 32,
  form: { kind: 'ip4' },
  initial: parseIpv4(initial),
  shown: true,
});
const number = (name: string, bits: number, initial = 0): Field => ({
  name,
  bits,
  form: { kind: 'number' },
  initial,
});

const eth: LayerDefinition = {
  name: 'eth',
  within: ['start', 'vxlan', 'gre'],
  fields: [mac('dst', '02:00:00:00:00:02'), mac('src', '02:00:00:00:00:01'), typeField],
  next: layerByType,
};

const vlan: LayerDefinition = {
  name: 'vlan',
  within: ['eth', 'vlan'],
  fields: [number('pcp', 3), number('dei', 1), { ...number('id', 12, 1), shown: true }, typeField],
  next: layerByType,
};

const mpls: LayerDefinition = {
  name: 'mpls',
  within: ['eth', 'vlan', 'mpls', 'gre'],
  fields: [
    { ...number('label', 20, 16), shown: true },
    number('tc', 3),
    { ...number('bottom', 1), automatic: ({ next }) => (next === 'mpls' ? 0 : 1) },
    number('ttl', 8, 64),
  ],
  // Nothing in a label says what is behind the last one: routers look at the version of IP, too.
  next: (values, payload) => {
    if (numberOf(values, 'bottom') === 0) return 'mpls';
    return { 4: 'ip', 6: 'ip6' }[(payload[0] ?? 0) >> 4];
  },
};

const arp: LayerDefinition = {
  name: 'arp',
  within: ['eth', 'vlan'],
  fields: [
    number('htype', 16, 1),
    { ...number('ptype', 16, etherType.ipv4), form: { kind: 'number', hex: true } },
    number('hlen', 8, 6),
    number('plen', 8, 4),
    {
      name: 'op',
      bits: 16,
      form: { kind: 'number', names: () => ({ request: 1, reply: 2 }) },
      initial: 1,
      shown: true,
    },
    mac('sha', '02:00:00:00:00:01'),
    ip4('spa', '192.0.2.1'),
    mac('tha', '00:00:00:00:00:00', false),
    ip4('tpa', '192.0.2.2'),
  ],
  accepts: (values) => numberOf(values, 'hlen') === 6 && numberOf(values, 'plen') === 4,
};

export const linkLayers: readonly LayerDefinition[] = [eth, vlan, mpls, arp];
