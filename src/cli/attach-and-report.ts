/** What `attach` and `replace` have in common. */
import type { AttachedObject, AttachObjectOptions } from '../loader/attach-object.js';
import type { XdpModeChoice } from '../xdp/mode.js';
import { netnsFlag } from './command.js';
import { type KernelFlags, kernelFlags } from './kernel-flags.js';
import type { Output } from './output.js';
import { type PinMismatchFlags, pinMismatchFlag, printMigrations } from './pin-flags.js';
import { reportDegraded } from './report-degraded.js';
import { attachmentDocument } from './xdp-documents.js';
import { deviceFlag, programFlag, sectionFlag } from './xdp-flags.js';

export type AttachFlags = PinMismatchFlags &
  KernelFlags & {
    readonly dev: string;
    readonly netns?: string;
    readonly prog?: string;
    readonly section?: string;
    readonly mode?: XdpModeChoice;
    readonly dryRun?: boolean;
  };

export const attachFlags = {
  dev: deviceFlag,
  netns: netnsFlag,
  prog: programFlag,
  section: sectionFlag,
  pinMismatch: pinMismatchFlag,
  ...kernelFlags,
  dryRun: {
    kind: 'boolean',
    optional: true,
    withNegated: false,
    brief: "Ask the kernel's verifier, and attach nothing",
  },
} as const;

export async function attachAndReport(
  output: Output,
  path: string,
  flags: AttachFlags,
  replace: AttachObjectOptions['replace'],
): Promise<void> {
  const { openObject } = await import('../loader/open.js');
  const { attachObject, verifyObject } = await import('../loader/attach-object.js');
  const { nameOfChain } = await import('../xdp/attachment.js');
  const object = await openObject(path);
  const { dev: device, netns, prog: program, section, mode, pinMismatch, kernelBtf, kernelConfig } = flags;
  const options = { device, netns, program, section, mode, replace, pinMismatch, kernelBtf, kernelConfig };
  if (!flags.dryRun) return report(output, attachObject(object, options), nameOfChain);
  const verified = verifyObject(object, options);
  output.print(`the verifier accepts ${verified.name}; nothing was attached to ${device}`);
  reportDegraded(output, verified.degraded);
  output.document({ device, program: verified, dryRun: true });
}

function report(
  output: Output,
  result: AttachedObject,
  nameOfChain: typeof import('../xdp/attachment.js').nameOfChain,
): void {
  const { device, ifindex, program, mode, fallback, heldBy, pinnedAt, replaced } = result;
  const { chain, program: old } = replaced?.before ?? {};
  const before = chain ? nameOfChain(chain) : (old?.name ?? 'the program');
  const verb = replaced ? `replaced ${before} by` : 'attached';
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
  printMigrations(output, result.migrations, 11);
  reportDegraded(output, result.degraded);
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
    migrations: result.migrations,
    degraded: result.degraded,
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
