import { chainDryRunFlag, reportChange } from '../chain-words.js';
import { defineCommand, netnsFlag } from '../command.js';
import { deviceFlag } from '../xdp-flags.js';

type Flags = { readonly dev: string; readonly netns?: string; readonly dryRun?: boolean };

export const chainRemove = defineCommand<Flags, [string]>({
  brief: "Take a member out of a device's chain, without a packet in between",
  description: [
    "Take a member out of a device's chain in one atomic swap; the others keep their maps, variables and counters. With the",
    'last member the device has no program any more.',
  ].join('\n'),
  parameters: {
    positional: { kind: 'tuple', parameters: [memberParameter()] },
    flags: { dev: deviceFlag, netns: netnsFlag, dryRun: chainDryRunFlag },
  },
  async run({ flags, output }, member) {
    const { removeFromChain } = await import('../../chain/chain.js');
    const { dev: device, netns, dryRun = false } = flags;
    const changed = removeFromChain(member, { device, netns, dryRun });
    if (changed) {
      reportChange(output, changed, `removed ${member} from the chain of ${device}`);
      return undefined;
    }
    output.print(
      dryRun
        ? `${member} is the last member: without it ${device} would have no XDP program; nothing was changed`
        : `removed ${member}, the last member: ${device} has no XDP program any more`,
    );
    output.document({ device, dryRun, program: null, members: [] });
    return undefined;
  },
});

function memberParameter() {
  return { brief: 'A member, by its name in `xdpkit chain ls`', parse: String, placeholder: 'MEMBER' } as const;
}
