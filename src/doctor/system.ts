import type { Finding } from './finding.js';

export interface Host {
  /** `linux`, as Node calls it. */
  readonly platform: string;
  readonly architecture: string;
  /** `20.11.1`. */
  readonly node: string;
}

const oldestNode = 20;

export function examineSystem({ platform, architecture, node }: Host): Finding[] {
  const group = 'system';
  const findings: Finding[] = [
    platform === 'linux'
      ? { group, item: 'operating system', state: 'ok', found: 'Linux', essential: true }
      : {
          group,
          item: 'operating system',
          state: 'missing',
          found: platform,
          lost: 'everything but reading and linking objects: XDP is a part of the Linux kernel',
          hint: 'Run it on Linux, in a virtual machine for example.',
          essential: true,
        },
  ];
  findings.push(
    architecture === 'x64' || architecture === 'arm64'
      ? { group, item: 'architecture', state: 'ok', found: architecture, essential: true }
      : {
          group,
          item: 'architecture',
          state: 'missing',
          found: `this Node.js was built for ${architecture}`,
          lost: 'everything that calls the kernel',
          hint: 'Use a Node.js built for x64 or arm64.',
          essential: true,
        },
  );
  const nodeIsOld = Number.parseInt(node, 10) < oldestNode;
  findings.push({
    group,
    item: 'Node.js',
    state: nodeIsOld ? 'missing' : 'ok',
    found: node,
    essential: true,
    ...(nodeIsOld && { lost: 'xdpkit needs what came later', hint: `Install Node.js ${oldestNode} or newer.` }),
  });
  return findings;
}
