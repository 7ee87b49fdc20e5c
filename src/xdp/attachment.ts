/** What is attached to a device now. */
import type { ErrorCode } from '../errors/codes.js';
import { XdpkitError } from '../errors/error.js';
import type { ProgramInfo } from '../kernel/info.js';
import { openById } from '../kernel/iterate.js';
import { describeProgram } from '../kernel/list-programs.js';
import { setXdp } from '../linux/netlink/route/link.js';
import { isErrno } from '../linux/syscall-error.js';
import type { ChainState } from '../object/chain/state.js';
import { readChainState } from './chain-state.js';
import type { DeviceHandle } from './device.js';
import { dispatcherMemberNames } from './dispatcher.js';
import { describeHolder, findHolder, type Holder, type HolderIndex, readHolderIndex } from './holder.js';
import type { XdpMode } from './mode.js';

export interface Attachment {
  readonly mode: XdpMode;
  readonly programId: number;
  /** By its full name. Undefined where the process may not look at programs, or the program has just gone. */
  readonly program: ProgramInfo | undefined;
  readonly holder: Holder;
  /** What the program is made of, where it is a chain of xdpkit. */
  readonly chain: ChainState | undefined;
}

/** One attachment a mode; usually none or one. */
export function readAttachments(device: DeviceHandle, index?: HolderIndex): Attachment[] {
  const { programs } = device.read().xdp;
  if (programs.length === 0) return [];
  const holders = index ?? readHolderIndex();
  return programs.map(({ mode, id }) => {
    const program = readProgram(id);
    const holder = findHolder(
      {
        ifindex: device.ifindex,
        netnsCookie: device.netns.cookie,
        programId: id,
        programName: program?.name,
        isHeldByLink: () => isHeldByLink(device, mode),
      },
      holders,
    );
    return { mode, programId: id, program, holder, chain: program && readChainState(program) };
  });
}

/**
 * Asks to take off nothing where something is: the kernel refuses that with EBUSY for a link, and else with EEXIST, as
 * what is there is not what was expected (`net/core/dev.c`, dev_xdp_attach). Nothing changes. Undefined before Linux 5.7,
 * and without CAP_NET_ADMIN.
 */
function isHeldByLink({ route, ifindex }: DeviceHandle, mode: XdpMode): boolean | undefined {
  try {
    setXdp(route, { ifindex, programFd: -1, expectedFd: -1, mode, tried: 'ask what holds the XDP program' });
  } catch (error) {
    if (isErrno(error, 'EBUSY')) return true;
    if (isErrno(error, 'EEXIST')) return false;
  }
  return undefined;
}

function readProgram(id: number): ProgramInfo | undefined {
  try {
    using fd = openById('program', id);
    if (fd === undefined) return undefined;
    const { fullName, ...info } = describeProgram(fd.number);
    return { ...info, name: fullName };
  } catch (error) {
    if (error instanceof XdpkitError && error.code === 'NOT_PERMITTED') return undefined;
    throw error;
  }
}

function nameOfDispatcher(holder: Holder): string | undefined {
  if (holder.by !== 'libxdp') return undefined;
  return `a dispatcher of ${dispatcherMemberNames(holder.dispatcher).join(', ') || 'nobody'}`;
}

/** `program "drop_ping" (id 7, native, held by link 3)`. */
export function describeAttachment({ mode, programId, program, holder, chain }: Attachment): string {
  const name = chain
    ? nameOfChain(chain)
    : (nameOfDispatcher(holder) ?? (program ? `program "${program.name}"` : 'a program'));
  const loadedBy = program && program.createdByUid !== 0 ? `, loaded by user ${program.createdByUid}` : '';
  return `${name} (id ${programId}, ${mode}, held by ${describeHolder(holder)}${loadedBy})`;
}

/** `a chain of filter, counter`, in the order in which they run. */
export function nameOfChain({ members }: ChainState): string {
  return `a chain of ${members.map(({ name }) => name).join(', ')}`;
}

/** The one attachment that is meant: the only one, or the one in `mode`. */
export function chooseAttachment(device: DeviceHandle, attachments: readonly Attachment[], mode?: XdpMode): Attachment {
  const [only, ...others] = attachments;
  if (only === undefined) {
    throw new XdpkitError('NOT_ATTACHED', `${device.what} has no XDP program`, {
      hint: 'Attach one with `xdpkit attach`.',
    });
  }
  const found = others.length === 0 ? only : attachments.find((each) => each.mode === mode);
  if (found) return found;
  const all = attachments.map(describeAttachment).join(' and ');
  throw new XdpkitError('USAGE', `${device.what} has several XDP programs: ${all}`, { hint: 'Name one by --mode.' });
}

export function attachmentError(
  code: ErrorCode,
  device: DeviceHandle,
  attachments: readonly Attachment[],
): XdpkitError {
  const found = attachments.map(describeAttachment).join(' and ') || 'another program, which has just gone';
  return new XdpkitError(code, `${device.what} already has ${found}`, {
    hint: attachments.some(({ chain }) => chain !== undefined)
      ? 'Join it with `xdpkit chain add`, swap all of it with `xdpkit replace`, or take it off with `xdpkit detach`.'
      : 'Swap it with `xdpkit replace` (or --replace), take it off with `xdpkit detach`, or run both: `xdpkit chain add --adopt`.',
  });
}
