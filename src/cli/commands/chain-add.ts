import type { ChangedMember } from '../../chain/put-on.js';
import type { Verdict } from '../../packet/verdict.js';
import type { XdpModeChoice } from '../../xdp/mode.js';
import { chainDryRunFlag, nextFlag, reportChange } from '../chain-words.js';
import { defineCommand, netnsFlag } from '../command.js';
import { wholeNumber } from '../parsers.js';
import { deviceFlag, objectParameter, programFlag, sectionFlag } from '../xdp-flags.js';

type Flags = {
  readonly dev: string;
  readonly netns?: string;
  readonly prog?: string;
  readonly section?: string;
  readonly name?: string;
  readonly priority?: number;
  readonly next?: readonly Verdict[];
  readonly adopt?: readonly string[];
  readonly replace?: boolean;
  readonly mode?: XdpModeChoice;
  readonly dryRun?: boolean;
};

export const chainAdd = defineCommand<Flags, [string]>({
  brief: "Add a program of an object to a device's chain, without a packet in between",
  description: [
    "Add a program of an object to a device's chain; on a device without a program it begins one. All members become one",
    'program, which takes the place of the one before in one atomic swap; members that stay keep their maps, variables and',
    'counters. Priority and verdicts that are not given are taken from the source (XDP_RUN_CONFIG), or are 50 and pass.',
    '',
    'A program that is on the device already joins with --adopt, given the object that it was loaded from: it goes on with',
    "the maps that it has. So do the members of libxdp's dispatcher, given the objects of them all. The object files are kept",
    'with the chain in the kernel.',
  ].join('\n'),
  parameters: {
    positional: { kind: 'tuple', parameters: [objectParameter] },
    flags: {
      dev: deviceFlag,
      netns: netnsFlag,
      prog: programFlag,
      section: sectionFlag,
      name: {
        kind: 'parsed',
        parse: String,
        optional: true,
        placeholder: 'NAME',
        brief: "What the member is called in the chain (the program's name when not given)",
      },
      priority: {
        kind: 'parsed',
        parse: wholeNumber,
        optional: true,
        placeholder: 'N',
        brief: 'The least runs first',
      },
      next: { ...nextFlag, brief: 'The next member runs after these: pass,tx or the like, or none' },
      adopt: {
        kind: 'parsed',
        parse: String,
        optional: true,
        variadic: true,
        placeholder: 'OBJECT',
        brief: 'The object of a program that is on the device, and is to be a member',
      },
      replace: {
        kind: 'boolean',
        optional: true,
        withNegated: false,
        brief: 'Take the place of the member of that name, with its maps that fit',
      },
      mode: {
        kind: 'enum',
        values: ['auto', 'native', 'generic'],
        optional: true,
        brief: 'Where the chain of a device that had none runs (auto if not given)',
      },
      dryRun: chainDryRunFlag,
    },
  },
  async run({ flags, output }, path) {
    const { openObject } = await import('../../loader/open.js');
    const { addToChain } = await import('../../chain/chain.js');
    const { dev: device, netns, prog: program, section, name, priority, next, replace, mode, dryRun } = flags;
    const object = await openObject(path);
    const adopt = flags.adopt && (await Promise.all(flags.adopt.map((path) => openObject(path))));
    const changed = addToChain(object, {
      ...{ device, netns, program, section, name, priority, next, replace, mode, dryRun },
      adopt,
    });
    const named = (status: ChangedMember['status']) =>
      changed.members.filter((member) => member.status === status).map((member) => member.name);
    const [joined, replaced] = [named('joined'), named('replaced')];
    const done =
      replaced.length > 0
        ? `replaced ${replaced.join(', ')} in the chain of ${device}`
        : `added ${joined.join(', ')} to the chain of ${device}`;
    reportChange(output, changed, done);
    return undefined;
  },
});
