import { defineCommand } from '../command.js';
import { type KernelFlags, kernelFlags } from '../kernel-flags.js';
import { exitCodeOf, printVerified, verifiedDocument } from '../verified-words.js';
import { objectParameter, programFlag } from '../xdp-flags.js';

type Flags = KernelFlags & { readonly prog?: string; readonly type?: string; readonly log?: boolean };

export const progVerify = defineCommand<Flags, [string]>({
  brief: "Ask the kernel's verifier about every program of an object, and load none",
  description: [
    'Each program is loaded by itself, with maps of its own, and let go at once. What the verifier followed to accept it is',
    'told (instructions on all ways, states, stack of each function, time), and of each one that it refuses why, and what',
    'to write instead. Ends with 6 where it refuses one.',
  ].join('\n'),
  parameters: {
    flags: {
      prog: programFlag,
      type: {
        kind: 'parsed',
        parse: String,
        optional: true,
        placeholder: 'TYPE',
        brief: 'The type of programs whose section does not tell it, as in xdp or sched_cls',
      },
      ...kernelFlags,
      log: {
        kind: 'boolean',
        optional: true,
        withNegated: false,
        brief: "Print the verifier's log of accepted programs too: every way, with all that is known there",
      },
    },
    positional: { kind: 'tuple', parameters: [objectParameter] },
  },
  async run({ flags, output }, path) {
    const { openObject } = await import('../../loader/open.js');
    const { verifyPrograms } = await import('../../loader/verify-programs.js');
    const { prog: program, type, log, kernelBtf, kernelConfig } = flags;
    const verified = verifyPrograms(await openObject(path), { program, type, log, kernelBtf, kernelConfig });
    await printVerified(output, verified);
    output.document({ programs: verified.map(verifiedDocument) });
    return exitCodeOf(verified);
  },
});
