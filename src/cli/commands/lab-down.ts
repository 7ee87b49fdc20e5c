import { XdpkitError } from '../../errors/error.js';
import { defineCommand } from '../command.js';

type Flags = { readonly all?: boolean };

export const labDown = defineCommand<Flags, string[]>({
  brief: 'Remove labs with everything in them',
  description: [
    'Remove labs: their namespaces, devices, and what xdpkit pinned for them, and nothing else. A namespace of the same',
    'name that xdpkit did not make is left alone.',
  ].join('\n'),
  parameters: {
    positional: { kind: 'array', parameter: { brief: 'Name of a lab', parse: String, placeholder: 'NAME' } },
    flags: { all: { kind: 'boolean', optional: true, withNegated: false, brief: 'Remove every lab of this machine' } },
  },
  async run({ flags, output }, ...names) {
    if (flags.all ? names.length > 0 : names.length === 0) {
      throw new XdpkitError('USAGE', 'lab down wants the names of labs, or --all and no name');
    }
    const { labDown: takeDown, listLabs } = await import('../../lab/index.js');
    const removed = [];
    for (const name of flags.all ? listLabs().map((lab) => lab.name) : names) {
      const removal = takeDown(name);
      removed.push(removal);
      output.print(`lab ${name} is gone`);
      if (removal.processes.length > 0) {
        output.warn(
          `lab ${name}: processes ${removal.processes.join(', ')} still run in it and keep a nameless namespace alive`,
        );
      }
    }
    if (removed.length === 0) output.print('there is no lab');
    output.document({ removed });
    return undefined;
  },
});
