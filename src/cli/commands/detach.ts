import type { XdpMode } from '../../xdp/mode.js';
import { defineCommand, netnsFlag } from '../command.js';
import { attachmentDocument } from '../xdp-documents.js';
import { deviceFlag, someModeFlag } from '../xdp-flags.js';

type Flags = { readonly dev: string; readonly netns?: string; readonly mode?: XdpMode };

export const detach = defineCommand<Flags, []>({
  brief: 'Take the XDP program off a device, whoever attached it',
  parameters: {
    flags: {
      dev: deviceFlag,
      netns: netnsFlag,
      mode: { ...someModeFlag, brief: 'Only the program in this mode (all when not given)' },
    },
  },
  async run({ flags, output }) {
    const { detachXdp } = await import('../../xdp/detach.js');
    const { nameOfChain } = await import('../../xdp/attachment.js');
    const { describeHolder } = await import('../../xdp/holder.js');
    const detached = detachXdp({ device: flags.dev, netns: flags.netns, mode: flags.mode });
    for (const { program, programId, mode, holder, chain } of detached) {
      const name = chain ? nameOfChain(chain) : (program?.name ?? 'a program');
      output.print(`detached ${name} (program ${programId}, ${mode}) from ${flags.dev}`);
      output.print(`  was held by ${describeHolder(holder)}`);
    }
    output.document({ device: flags.dev, detached: detached.map(attachmentDocument) });
    return undefined;
  },
});
