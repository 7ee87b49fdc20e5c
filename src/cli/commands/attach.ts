import { type AttachFlags, attachAndReport, attachFlags } from '../attach-and-report.js';
import { defineCommand } from '../command.js';
import { objectParameter } from '../xdp-flags.js';

type Flags = AttachFlags & { readonly replace?: boolean };

export const attach = defineCommand<Flags, [string]>({
  brief: 'Load a program of an object and attach it to a device',
  description: [
    'Load a program of an object and attach it to a device, where it stays when the command has ended: held by a BPF link',
    "that is pinned under xdpkit's folder of the BPF file system, or by netlink where links are not to be had.",
    'Mode auto tries native and falls back to generic, saying why.',
  ].join('\n'),
  parameters: {
    positional: { kind: 'tuple', parameters: [objectParameter] },
    flags: {
      ...attachFlags,
      mode: {
        kind: 'enum',
        values: ['auto', 'native', 'generic', 'offload'],
        optional: true,
        brief: 'Where it runs: driver, after it, or the card (auto if not given)',
      },
      replace: {
        kind: 'boolean',
        optional: true,
        withNegated: false,
        brief: 'Take the place of a program that is there',
      },
    },
  },
  async run({ flags, output }, path) {
    await attachAndReport(output, path, flags, flags.replace ? 'allow' : 'refuse');
    return undefined;
  },
});
