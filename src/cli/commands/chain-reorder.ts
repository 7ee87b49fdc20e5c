import { XdpkitError } from '../../errors/error.js';
import type { Verdict } from '../../packet/verdict.js';
import { chainDryRunFlag, nextFlag, reportChange } from '../chain-words.js';
import { defineCommand, netnsFlag } from '../command.js';
import { wholeNumber } from '../parsers.js';
import { deviceFlag } from '../xdp-flags.js';

type Flags = {
  readonly dev: string;
  readonly netns?: string;
  readonly priority?: number;
  readonly next?: readonly Verdict[];
  readonly dryRun?: boolean;
};

export const chainReorder = defineCommand<Flags, string[]>({
  brief: "Change the order of a device's chain, without a packet in between",
  description: [
    'Let the members run in the order in which they are named, all of them, with priorities 10, 20, 30, …; or give one member',
    'another priority, or other verdicts after which the next one runs.',
  ].join('\n'),
  usage: ['MEMBER… --dev DEV', 'MEMBER --dev DEV [--priority N] [--next VERDICTS]'],
  parameters: {
    positional: {
      kind: 'array',
      minimum: 1,
      parameter: { brief: 'Members, by their names in `xdpkit chain ls`', parse: String, placeholder: 'MEMBER' },
    },
    flags: {
      dev: deviceFlag,
      netns: netnsFlag,
      priority: {
        kind: 'parsed',
        parse: wholeNumber,
        optional: true,
        placeholder: 'N',
        brief: 'Of the one member that is named; the least runs first',
      },
      next: { ...nextFlag, brief: 'After these of the one member the next one runs: pass,tx or the like, or none' },
      dryRun: chainDryRunFlag,
    },
  },
  async run({ flags, output }, ...names) {
    const { dev: device, netns, priority, next, dryRun } = flags;
    const isChange = priority !== undefined || next !== undefined;
    const [name, ...others] = names;
    if (isChange && (name === undefined || others.length > 0)) {
      throw new XdpkitError('USAGE', '--priority and --next are of one member: name that one');
    }
    const { changeMembers, reorderChain } = await import('../../chain/chain.js');
    const options = { device, netns, dryRun };
    const changed =
      isChange && name !== undefined
        ? changeMembers([{ name, priority, next }], options)
        : reorderChain(names, options);
    reportChange(output, changed, `reordered the chain of ${device}`);
    return undefined;
  },
});
