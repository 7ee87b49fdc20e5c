import { type AttachFlags, attachAndReport, attachFlags } from '../attach-and-report.js';
import { defineCommand } from '../command.js';
import { objectParameter, someModeFlag } from '../xdp-flags.js';

export const replace = defineCommand<AttachFlags, [string]>({
  brief: "Swap a device's program for one of an object, without a packet in between",
  description: [
    "Swap a device's program, whoever attached it, for one of an object. The swap is atomic: each packet meets the old",
    'program or the new one. Maps of the same name and shape are kept with their contents; global variables start anew.',
    'Only a change of mode takes the old program off first.',
  ].join('\n'),
  parameters: {
    positional: { kind: 'tuple', parameters: [objectParameter] },
    flags: {
      ...attachFlags,
      mode: { ...someModeFlag, brief: 'The mode to run in (the present one when not given)' },
    },
  },
  async run({ flags, output }, path) {
    await attachAndReport(output, path, flags, 'require');
    return undefined;
  },
});
