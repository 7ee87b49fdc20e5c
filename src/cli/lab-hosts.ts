import type { Lab } from '../lab/index.js';
import type { Output } from './output.js';

export type HostDescription = ReturnType<typeof describeHosts>[number];

/** A lab's hosts as plain data. */
export function describeHosts(lab: Lab) {
  return [lab.hosts.left, lab.hosts.right].map(({ side, name, device, ifindex, mac, ipv4, ipv6 }) => ({
    side,
    netns: name,
    device,
    ifindex,
    mac,
    ipv4,
    ipv6,
  }));
}

export async function printHosts(output: Output, hosts: readonly HostDescription[]): Promise<void> {
  await output.table(
    ['HOST', 'NETNS', 'DEVICE', 'MAC', 'IPV4', 'IPV6'].map((title) => ({ title })),
    hosts.map(({ side, netns, device, mac, ipv4, ipv6 }) => [side, netns, device, mac, ipv4, ipv6]),
  );
}
