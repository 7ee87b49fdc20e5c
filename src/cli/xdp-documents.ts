/** What XDP on a device looks like in `--json`. Fields are only ever added. */
import type { Attachment } from '../xdp/attachment.js';
import type { Dispatcher, DispatcherMember } from '../xdp/dispatcher.js';
import type { Holder } from '../xdp/holder.js';

export function attachmentDocument({ mode, programId, program, holder, chain }: Attachment) {
  return {
    mode,
    program: {
      id: programId,
      name: program?.name ?? null,
      tag: program?.tag ?? null,
      loadedAt: program?.loadedAt.toISOString() ?? null,
      uid: program?.createdByUid ?? null,
      mapIds: program?.mapIds ?? [],
    },
    held: holderDocument(holder),
    members: chain?.members.map(({ name, priority, next }) => ({ name, priority, next })) ?? null,
  };
}

function holderDocument(holder: Holder) {
  switch (holder.by) {
    case 'link':
      return { by: holder.by, linkId: holder.linkId, pins: holder.pins, processes: holder.processes };
    case 'netlink':
      return { by: holder.by };
    case 'libxdp':
      return {
        by: holder.by,
        members: holder.dispatcher.members.map(({ program }) => program?.name ?? null),
        folder: holder.dispatcher.folder ?? null,
        dispatcher: dispatcherDocument(holder.dispatcher),
      };
    case 'unknown':
      return { by: holder.by, reason: holder.reason };
  }
}

function dispatcherDocument({ config, members }: Dispatcher) {
  return {
    version: config?.version ?? null,
    frags: config?.frags ?? null,
    deviceBound: config?.deviceBound ?? null,
    members: members.map(dispatcherMemberDocument),
  };
}

export function dispatcherMemberDocument({ slot, settings, program, pin, linkId }: DispatcherMember) {
  return {
    slot,
    name: program?.name ?? null,
    priority: settings?.priority ?? null,
    next: settings?.next ?? null,
    frags: settings?.frags ?? null,
    program: program ? { id: program.id, tag: program.tag, mapIds: program.mapIds } : null,
    pin: pin ?? null,
    linkId: linkId ?? null,
  };
}
