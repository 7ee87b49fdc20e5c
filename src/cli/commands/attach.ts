import type { AttachedObject } from '../../loader/attach-object.js';
import type { XdpModeChoice } from '../../xdp/mode.js';
import { defineCommand, netnsFlag } from '../command.js';
import type { Output } from '../output.js';
import { attachmentDocument } from '../xdp-documents.js';
import { deviceFlag, objectParameter, programFlag, sectionFlag } from '../xdp-flags.js';

type Flags = {
  readonly dev: string;
  readonly netns?: string;
  readonly prog?: string;
  readonly section?: string;
  readonly mode?: XdpModeChoice;
  readonly replace?: boolean;
};

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
      dev: deviceFlag,
      netns: netnsFlag,
      prog: programFlag,
      section: sectionFlag,
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
    const { openObject } = await import('../../loader/open.js');
    const { attachObject } = await import('../../loader/attach-object.js');
    const result = attachObject(await openObject(path), {
      device: flags.dev,
      netns: flags.netns,
      program: flags.prog,
      section: flags.section,
      mode: flags.mode,
      replace: flags.replace ? 'allow' : 'refuse',
    });
    reportAttached(output, result);
    return undefined;
  },
});

/** Also what `replace` tells. */
export function reportAttached(output: Output, result: AttachedObject): void {
  const { device, ifindex, program, mode, fallback, heldBy, pinnedAt, replaced } = result;
  const verb = replaced ? `replaced ${replaced.before.program?.name ?? 'the program'} by` : 'attached';
  output.print(`${verb} ${program.name} (program ${program.id}) ${replaced ? 'on' : 'to'} ${device}`);
  output.print(`  mode     ${mode}${fallback === undefined ? '' : `, as the driver refused native: ${fallback}`}`);
  output.print(`  held by  ${heldBy}${pinnedAt === undefined ? '' : `, pinned at ${pinnedAt}`}`);
  if (replaced) {
    const { atomic, keptMaps, freshMaps } = replaced;
    output.print(
      `  swap     ${atomic ? 'atomic' : 'not atomic: the mode changed, and packets in between met no program'}`,
    );
    if (keptMaps.length > 0) output.print(`  kept     ${keptMaps.join(', ')}`);
    for (const { name, reason } of freshMaps) output.print(`  fresh    ${name}: ${reason}`);
  }
  if (mode === 'native' && replaced === undefined && result.driver === 'veth') {
    output.note(
      'note: native XDP on a veth turns segmentation offload off; TCP over it gets slower (generic mode costs less there)',
    );
  }
  output.document({
    device,
    ifindex,
    mode,
    fallback: fallback ?? null,
    program,
    held: { by: heldBy, pin: pinnedAt ?? null },
    replaced: replaced
      ? {
          before: attachmentDocument(replaced.before),
          atomic: replaced.atomic,
          keptMaps: replaced.keptMaps,
          freshMaps: replaced.freshMaps,
        }
      : null,
  });
}
