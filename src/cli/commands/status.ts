import { errorCodes } from '../../errors/codes.js';
import { XdpkitError } from '../../errors/error.js';
import type { ChainState } from '../../object/chain/state.js';
import type { DispatcherMember } from '../../xdp/dispatcher.js';
import type { Holder } from '../../xdp/holder.js';
import type { DeviceFeatures, DeviceStatus, MachineStatus, NetnsStatus, RefusedNetns } from '../../xdp/status.js';
import { describeDispatcher, describeSet } from '../chain-words.js';
import { defineCommand, netnsFlag } from '../command.js';
import type { Output } from '../output.js';
import { formatTime } from '../units.js';
import { attachmentDocument } from '../xdp-documents.js';
import { deviceFlag } from '../xdp-flags.js';

type Flags = { readonly dev?: string; readonly netns?: string; readonly allNetns?: boolean };

export const status = defineCommand<Flags, []>({
  brief: 'Show every device, its XDP programs, how they are held, and what its driver can do',
  parameters: {
    flags: {
      dev: { ...deviceFlag, optional: true, brief: 'Only this device' },
      netns: netnsFlag,
      allNetns: {
        kind: 'boolean',
        optional: true,
        withNegated: false,
        brief: 'The devices of every network namespace that has a name or a process',
      },
    },
  },
  async run({ flags, output }) {
    if (flags.allNetns && (flags.netns !== undefined || flags.dev !== undefined)) {
      throw new XdpkitError('USAGE', '--all-netns shows everything and goes with neither --netns nor --dev');
    }
    const { readStatus, readStatusOfAllNetns } = await import('../../xdp/status.js');
    const { namespaces, refused }: MachineStatus = flags.allNetns
      ? readStatusOfAllNetns()
      : { namespaces: [readStatus({ device: flags.dev, netns: flags.netns })], refused: [] };
    for (const [index, netns] of namespaces.entries()) {
      if (index > 0) output.print();
      if (flags.allNetns) output.print(output.colors.bold(`network namespace ${netns.netns ?? netns.inode}`));
      await printNetns(output, netns);
    }
    output.document({
      namespaces: namespaces.map(netnsDocument),
      ...(flags.allNetns && { refused: refused.map(refusedDocument) }),
    });
    for (const { error } of refused) output.warn(error.message);
    const [first] = refused;
    if (first === undefined) return undefined;
    if (first.error.hint !== undefined) output.note(first.error.hint);
    return errorCodes[first.error.code].exit;
  },
});

async function printNetns(output: Output, { devices }: NetnsStatus): Promise<void> {
  await output.table(
    [
      { title: 'DEVICE' },
      { title: 'STATE' },
      { title: 'MTU', align: 'right' },
      { title: 'DRIVER' },
      { title: 'XDP FEATURES' },
    ],
    devices.map((each) => [
      each.device,
      each.up ? each.state : 'off',
      String(each.mtu),
      each.driver ?? '-',
      describeFeatures(each.features),
    ]),
  );
  output.print();
  const attached = devices.flatMap((each) =>
    each.attachments.map((attachment) => ({ device: each.device, attachment })),
  );
  if (attached.length === 0) {
    output.print(devices.length === 1 ? 'no XDP program is attached' : 'no device has an XDP program');
    return;
  }
  await output.table(
    [
      { title: 'DEVICE' },
      { title: 'MODE' },
      { title: 'PROGRAM' },
      { title: 'ID', align: 'right' },
      { title: 'TAG' },
      { title: 'LOADED' },
      { title: 'HELD BY' },
    ],
    attached.map(({ device, attachment: { mode, programId, program, holder } }) => [
      device,
      mode,
      program?.name ?? '-',
      String(programId),
      program?.tag ?? '-',
      program ? formatTime(program.loadedAt) : '-',
      shortHolder(holder),
    ]),
  );
  for (const { device, attachment } of attached) {
    if (attachment.chain) output.print(`${device}: chain of ${describeMembers(attachment.chain)}`);
    for (const detail of holderDetails(attachment.holder)) output.print(`${device}: ${detail}`);
  }
}

/** In the order in which they run. */
function describeMembers({ members }: ChainState): string {
  return members.map(({ name, priority }) => `${name} (priority ${priority})`).join(', ');
}

function shortHolder(holder: Holder): string {
  return holder.by === 'link' ? `link ${holder.linkId}` : holder.by === 'libxdp' ? 'libxdp' : holder.by;
}

/** What does not fit a column. */
function holderDetails(holder: Holder): string[] {
  switch (holder.by) {
    case 'link':
      return [
        ...holder.pins.map((path) => `link ${holder.linkId} is pinned at ${path}`),
        ...holder.processes.map(({ pid, command }) => `link ${holder.linkId} is held by process ${pid} (${command})`),
      ];
    case 'libxdp':
      return [describeDispatcher(holder.dispatcher), ...holder.dispatcher.members.map(describeMember)];
    case 'netlink':
      return [];
    case 'unknown':
      return [`what holds it is unknown: ${holder.reason}`];
  }
}

function describeMember({ slot, settings, program }: DispatcherMember): string {
  const name = program ? `${program.name} (program ${program.id})` : 'a program that nothing leads to';
  const order = settings ? `, priority ${settings.priority}, next after ${describeSet(settings.next)}` : '';
  return `member ${slot + 1} is ${name}${order}`;
}

function describeFeatures(features: DeviceFeatures): string {
  if (features.from === 'driver') return features.features.join(', ') || 'none announced';
  if (features.since === undefined) return 'not known (kernel before 6.3)';
  return `${features.native ? 'native' : 'no native'} (by driver, since Linux ${features.since})`;
}

function netnsDocument({ netns, inode, devices }: NetnsStatus) {
  return { netns: netns ?? null, inode, devices: devices.map(deviceDocument) };
}

function refusedDocument({ netns, inode, error: { code, message } }: RefusedNetns) {
  return { netns, inode, error: { code, message } };
}

function deviceDocument({ attachments, ...device }: DeviceStatus) {
  return { ...device, driver: device.driver ?? null, attachments: attachments.map(attachmentDocument) };
}
