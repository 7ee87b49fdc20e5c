import type { XdpMode } from '../../xdp/mode.js';
import { defineCommand, netnsFlag } from '../command.js';
import { deviceFlag, objectParameter, programFlag, sectionFlag, someModeFlag } from '../xdp-flags.js';
import { reportAttached } from './attach.js';

type Flags = {
  readonly dev: string;
  readonly netns?: string;
  readonly prog?: string;
  readonly section?: string;
  readonly mode?: XdpMode;
};

export const replace = defineCommand<Flags, [string]>({
  brief: "Swap a device's program for one of an object, without a packet in between",
  description: [
    "Swap a device's program, whoever attached it, for one of an object. The swap is atomic: each packet meets the old",
    'program or the new one. Maps of the same name and shape are kept with their contents; global variables start anew.',
    'Only a change of mode takes the old program off first.',
  ].join('\n'),
  parameters: {
    positional: { kind: 'tuple', parameters: [objectParameter] },
    flags: {
      dev: deviceFlag,
      netns: netnsFlag,
      prog: programFlag,
      section: sectionFlag,
      mode: { ...someModeFlag, brief: 'The mode to run in (the present one when not given)' },
    },
  },
  async run({ flags, output }, path) {
    const { openObject } = await import('../../loader/open.js');
    const { attachObject } = await import('../../loader/attach-object.js');
    const result = attachObject(await openObject(path), {
      device: flags.dev,
      netns: flags.netns,
      program: flags.prog,
      section: flags.section,
      mode: flags.mode,
      replace: 'require',
    });
    reportAttached(output, result);
    return undefined;
  },
});
