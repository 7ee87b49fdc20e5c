import { constants } from 'node:os';
import { XdpkitError } from '../../errors/error.js';
import { defineCommand } from '../command.js';
import { labSide, type Side } from '../lab-side.js';

export const labExec = defineCommand<Record<never, never>, [string, ...string[]]>({
  brief: 'Run a command in a host of a lab',
  description: [
    'Run a command in a host of a lab (left by default), on this terminal, and end with its exit code. Only the network',
    'is another one there: files are the same, and so is the BPF file system, which `ip netns exec` hides.',
  ].join('\n'),
  usage: ['<NAME> [left|right] -- <COMMAND>...'],
  parameters: {
    positional: {
      kind: 'array',
      minimum: 1,
      parameter: { brief: 'Name of the lab, host, and behind -- the command', parse: String, placeholder: 'WORD' },
    },
  },
  async run({ context }, ...words) {
    const command = context.afterDashes ?? [];
    const [name, side, ...rest] = words.slice(0, words.length - command.length);
    if (name === undefined || command.length === 0 || rest.length > 0) {
      throw new XdpkitError('USAGE', 'lab exec wants the name of a lab, maybe a host, and behind `--` a command', {
        hint: 'for example `xdpkit lab exec NAME right -- ip address`',
      });
    }
    const host: Side = side === undefined ? 'left' : labSide(side);
    const { execInHost, openLab } = await import('../../lab/index.js');
    using lab = openLab(name);
    // Ctrl-C is the command's now: it decides whether that ends it.
    context.handSignalsOver();
    const result = await execInHost(lab.hosts[host], command, { env: { ...context.environment } });
    return result.kind === 'exited' ? result.status : 128 + constants.signals[result.signal];
  },
});
