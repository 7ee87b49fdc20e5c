import { defineCommand } from '../command.js';
import { wholeNumber } from '../parsers.js';

type Flags = {
  readonly mtu?: number;
  readonly ipv4?: string;
  readonly ipv6?: string;
};

export const labUp = defineCommand<Flags, [string?]>({
  brief: 'Make a network of two hosts, or repair one that is half-made',
  description: [
    'Make a network of two hosts, left and right: network namespaces NAME-left and NAME-right, each with a device veth0,',
    'connected with each other and with nothing else. A lab of that name that is half-made or damaged is repaired. It',
    'stays until `xdpkit lab down NAME`; `ip netns exec NAME-left …` works in it.',
  ].join('\n'),
  parameters: {
    positional: {
      kind: 'tuple',
      parameters: [
        { brief: 'Name of the lab, a random one by default', parse: String, placeholder: 'NAME', optional: true },
      ],
    },
    flags: {
      mtu: {
        kind: 'parsed',
        parse: wholeNumber,
        optional: true,
        placeholder: 'BYTES',
        brief: 'MTU of both devices (1500)',
      },
      ipv4: {
        kind: 'parsed',
        parse: String,
        optional: true,
        placeholder: 'PREFIX',
        brief: 'IPv4 prefix; the hosts get its first two addresses (10.11.1.0/24)',
      },
      ipv6: {
        kind: 'parsed',
        parse: String,
        optional: true,
        placeholder: 'PREFIX',
        brief: 'IPv6 prefix; the hosts get its first two addresses (fc00:dead:cafe:1::/64)',
      },
    },
  },
  async run({ flags, output }, name) {
    const { labUp: makeLab } = await import('../../lab/index.js');
    const { describeHosts, printHosts } = await import('../lab-hosts.js');
    const lab = makeLab({ name, mtu: flags.mtu, ipv4Prefix: flags.ipv4, ipv6Prefix: flags.ipv6 });
    const hosts = describeHosts(lab);
    lab.close();
    output.print(`lab ${lab.name} is up`);
    output.print();
    await printHosts(output, hosts);
    output.document({ lab: { name: lab.name, hosts } });
    return undefined;
  },
});
