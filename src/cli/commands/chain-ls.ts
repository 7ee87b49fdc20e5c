import type { VerdictCounter } from '../../chain/counters.js';
import type { ReadChain } from '../../chain/read.js';
import type { Occupant } from '../../xdp/occupant.js';
import { describeDispatcher, describeSet } from '../chain-words.js';
import { defineCommand, netnsFlag } from '../command.js';
import type { Output } from '../output.js';
import { attachmentDocument, dispatcherMemberDocument } from '../xdp-documents.js';
import { deviceFlag } from '../xdp-flags.js';

type Flags = { readonly dev: string; readonly netns?: string };

export const chainLs = defineCommand<Flags, []>({
  brief: 'Show the programs of a device in the order in which they run, and what they said',
  description: [
    "Show the members of a device's chain: the least priority runs first, and after a verdict of NEXT AFTER the next one",
    'runs; any other verdict is what the chain answers. Behind the last member it answers PASS. Packets are counted since a',
    'member joined.',
    '',
    "Of libxdp's dispatcher it shows the same of its members, which count nothing.",
  ].join('\n'),
  parameters: { flags: { dev: deviceFlag, netns: netnsFlag } },
  async run({ flags, output }) {
    const { readChain } = await import('../../chain/read.js');
    const found = readChain({ device: flags.dev, netns: flags.netns });
    await print(output, found);
    const { occupant, device, ifindex, members, counters } = found;
    output.document({
      device,
      ifindex,
      kind: occupant.kind,
      attachment: occupant.kind === 'none' ? null : attachmentDocument(occupant.attachment),
      members: occupant.kind === 'dispatcher' ? occupant.dispatcher.members.map(dispatcherMemberDocument) : members,
      counters,
    });
    return undefined;
  },
});

async function print(output: Output, { device, occupant, members, counters }: ReadChain): Promise<void> {
  if (occupant.kind === 'none') return output.print(`${device} has no XDP program`);
  const { describeAttachment } = await import('../../xdp/attachment.js');
  if (occupant.kind === 'program') {
    return output.print(`${device} has no chain, but ${describeAttachment(occupant.attachment)}`);
  }
  if (occupant.kind === 'dispatcher') {
    return await printDispatcher(output, device, occupant);
  }
  await output.table(
    [
      { title: '#', align: 'right' },
      { title: 'PRIORITY', align: 'right' },
      { title: 'MEMBER' },
      { title: 'NEXT AFTER' },
      { title: 'PACKETS' },
      { title: 'MAPS' },
    ],
    members.map((member, index) => [
      String(index + 1),
      String(member.priority),
      member.name,
      describeSet(member.next),
      describeCounters(member.counters),
      member.maps.map(({ name, id }) => `${name} (${id})`).join(', ') || '-',
    ]),
  );
  const { mode, programId } = occupant.attachment;
  output.print(`${device}: program ${programId}, ${mode}, answered ${describeCounters(counters)}`);
}

async function printDispatcher(
  output: Output,
  device: string,
  { attachment, dispatcher }: Extract<Occupant, { readonly kind: 'dispatcher' }>,
): Promise<void> {
  await output.table(
    [
      { title: '#', align: 'right' },
      { title: 'PRIORITY', align: 'right' },
      { title: 'MEMBER' },
      { title: 'NEXT AFTER' },
      { title: 'PROGRAM', align: 'right' },
      { title: 'LINK', align: 'right' },
    ],
    dispatcher.members.map(({ slot, settings, program, linkId }) => [
      String(slot + 1),
      String(settings?.priority ?? '?'),
      program?.name ?? '?',
      settings ? describeSet(settings.next) : '?',
      String(program?.id ?? '-'),
      String(linkId ?? '-'),
    ]),
  );
  output.print(`${device}: ${describeDispatcher(dispatcher)}, program ${attachment.programId}, ${attachment.mode}`);
}

function describeCounters(counters: readonly VerdictCounter[]): string {
  const seen = counters.filter(({ packets }) => packets > 0n);
  return seen.map(({ verdict, packets }) => `${packets} ${verdict}`).join(', ') || 'none yet';
}
