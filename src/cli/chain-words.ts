/** What commands about chains have in common: sets of verdicts as words, and what a change has done. */
import type { ChangedChain } from '../chain/put-on.js';
import type { Verdict } from '../packet/verdict.js';
import type { Dispatcher } from '../xdp/dispatcher.js';
import type { Output } from './output.js';
import { reportDegraded } from './report-degraded.js';
import { attachmentDocument } from './xdp-documents.js';

/** `pass,tx`; `none` for no verdict at all. Loads what it needs only where it is asked. */
async function verdictSet(text: string): Promise<readonly Verdict[]> {
  const { verdicts } = await import('../packet/verdict.js');
  if (text.toLowerCase() === 'none') return [];
  const words = text.split(',').map((word) => word.trim().toUpperCase().replace(/^XDP_/, ''));
  const unknown = words.find((word) => !verdicts.some((one) => one === word));
  if (unknown !== undefined) {
    throw new Error(`'${unknown.toLowerCase()}' is no verdict; there are ${describeSet(verdicts)}, and none`);
  }
  return verdicts.filter((one) => words.includes(one));
}

export function describeSet(next: readonly Verdict[]): string {
  return next.length === 0 ? 'none' : next.join(',').toLowerCase();
}

/** `dispatcher of libxdp (protocol 2, frags) pinned in /sys/fs/bpf/xdp/dispatch-2-7`. */
export function describeDispatcher({ config, folder }: Dispatcher): string {
  const about = [
    config === undefined ? 'its map cannot be read' : `protocol ${config.version}`,
    ...(config && !config.members ? ['which is not known here'] : []),
    ...(config?.frags ? ['frags'] : []),
    ...(config?.deviceBound ? ['bound to the device'] : []),
  ];
  return `dispatcher of libxdp (${about.join(', ')})${folder === undefined ? '' : ` pinned in ${folder}`}`;
}

export const nextFlag = {
  kind: 'parsed',
  parse: verdictSet,
  optional: true,
  placeholder: 'VERDICTS',
} as const;

export const chainDryRunFlag = {
  kind: 'boolean',
  optional: true,
  withNegated: false,
  brief: "Ask the kernel's verifier, and change nothing",
} as const;

export function reportChange(output: Output, changed: ChangedChain, done: string): void {
  const { device, ifindex, members, program, attached, before, fragsLost, degraded } = changed;
  output.print(attached ? done : `the verifier accepts the chain; nothing was changed on ${device}`);
  output.print(`  chain    ${members.map(({ name, priority }) => `${name} (${priority})`).join(', ')}`);
  if (attached) {
    const { mode, fallback, heldBy, pinnedAt } = attached;
    output.print(`  mode     ${mode}${fallback === undefined ? '' : `, as the driver refused native: ${fallback}`}`);
    output.print(`  held by  ${heldBy}${pinnedAt === undefined ? '' : `, pinned at ${pinnedAt}`}`);
  }
  const kept = members.flatMap(({ name, maps }) =>
    maps.filter((map) => map.kept).map((map) => `${map.name} of ${name}`),
  );
  if (kept.length > 0) output.print(`  kept     ${kept.join(', ')}`);
  if (fragsLost.length > 0) {
    const why =
      fragsLost.length < members.length
        ? `not all members can: ${fragsLost.join(', ')} could`
        : 'a program array that a member kept began in a chain that did not; it begins anew where its member is taken out and added again';
    output.warn(`packets in several buffers are not taken, as ${why}`);
  }
  reportDegraded(output, degraded);
  if (attached?.mode === 'native' && before === undefined && changed.driver === 'veth') {
    output.note(
      'note: native XDP on a veth turns segmentation offload off; TCP over it gets slower (generic mode costs less there)',
    );
  }
  output.document({
    device,
    ifindex,
    dryRun: attached === undefined,
    program,
    mode: attached?.mode ?? null,
    fallback: attached?.fallback ?? null,
    held: attached ? { by: attached.heldBy, pin: attached.pinnedAt ?? null } : null,
    members,
    fragsLost,
    degraded,
    before: before ? attachmentDocument(before) : null,
  });
}
