import { XdpkitError } from '../errors/error.js';
import { bpfError } from '../kernel/bpf.js';
import { ensureBpfFileSystem } from '../kernel/bpf-file-system.js';
import { BpfLink, createXdpLink } from '../kernel/link.js';
import { setXdp } from '../linux/netlink/route/link.js';
import { errnos, SyscallError } from '../linux/syscall-error.js';
import { explainAttachError, wordsOf } from './attach-error.js';
import { attachmentError, readAttachments } from './attachment.js';
import { type DeviceHandle, type DeviceReference, openDevice } from './device.js';
import { modesToTry, type XdpMode, type XdpModeChoice } from './mode.js';
import { type AttachableProgram, holdProgram, XdpLink } from './xdp-link.js';

export interface XdpAttachOptions extends DeviceReference {
  /** `auto` unless given. */
  readonly mode?: XdpModeChoice | undefined;
  /** Pin the link, so that the program stays when the process ends. */
  readonly pin?: boolean | undefined;
}

/**
 * Attaches an XDP program to a device that has none: by a BPF link (Linux 5.9), by netlink where links are not to be
 * had. Native XDP since Linux 4.8, generic 4.12.
 *
 * Errors: `DEVICE_NOT_FOUND`, `NETNS_NOT_FOUND`, `ATTACH_EXISTS`, `MODE_UNSUPPORTED` and `MTU_TOO_LARGE` with the
 * driver's own words, `NOT_PERMITTED`, `DEVICE_GONE`.
 */
export function attachXdp(program: AttachableProgram, options: XdpAttachOptions): XdpLink {
  const device = openDevice(options);
  try {
    const present = readAttachments(device);
    if (present.length > 0) throw attachmentError('ATTACH_EXISTS', device, present);
    return attachToFree(device, program, options);
  } catch (error) {
    device[Symbol.dispose]();
    throw error;
  }
}

/** The link takes over the handle once it is attached. */
function attachToFree(
  device: DeviceHandle,
  program: AttachableProgram,
  options: Pick<XdpAttachOptions, 'mode' | 'pin'>,
): XdpLink {
  const held = holdProgram(program);
  let link: BpfLink | undefined;
  try {
    const found = attachInSomeMode(device, program, options);
    link = found.link;
    const attached = new XdpLink({ ...found, device, program: held });
    if (options.pin) attached.pin();
    return attached;
  } catch (error) {
    // The handle stays the caller's to close where nothing was attached in the end.
    link?.[Symbol.dispose]();
    held.fd.close();
    throw error;
  }
}

interface Attached {
  readonly link: BpfLink | undefined;
  readonly mode: XdpMode;
  readonly fallback: string | undefined;
}

function attachInSomeMode(
  device: DeviceHandle,
  program: AttachableProgram,
  options: Pick<XdpAttachOptions, 'mode' | 'pin'>,
): Attached {
  const modes = modesToTry(options.mode ?? 'auto');
  const linkable = options.pin ? canPin() : true;
  let fallback: string | undefined;
  for (const mode of modes) {
    try {
      return { link: attachOnce(device, program, mode, linkable), mode, fallback };
    } catch (error) {
      const explained = explainAttachError(device, mode, error);
      const modeIsTheReason =
        explained instanceof XdpkitError &&
        (explained.code === 'MODE_UNSUPPORTED' || explained.code === 'MTU_TOO_LARGE');
      if (!modeIsTheReason || mode === modes.at(-1)) throw explained;
      fallback = explained.cause instanceof SyscallError ? wordsOf(explained.cause) : explained.message;
    }
  }
  throw new XdpkitError('FAILED', `${device.what}: no mode was left to try`);
}

/** A link that can't be pinned would end with the process; then netlink holds the program instead. */
function canPin(): boolean {
  try {
    ensureBpfFileSystem();
    return true;
  } catch (error) {
    if (error instanceof XdpkitError && error.code === 'NO_BPF_FILE_SYSTEM') return false;
    throw error;
  }
}

/** Netlink would answer the same, or attach what the process is then short of means to look after. */
const notAboutLinks: ReadonlySet<number> = new Set([
  errnos.EPERM,
  errnos.EACCES,
  errnos.ENOMEM,
  errnos.EMFILE,
  errnos.ENFILE,
]);

/**
 * The kernel gives the driver's words for a refused link to a tracepoint only, but answers netlink with them: so a
 * refusal is asked for once more that way. Where links are unknown (before Linux 5.9) that attaches.
 */
function attachOnce(
  device: DeviceHandle,
  program: AttachableProgram,
  mode: XdpMode,
  linkable: boolean,
): BpfLink | undefined {
  const { ifindex } = device;
  const tried = `attach program "${program.name}" to ${device.what} in ${mode} mode`;
  if (linkable) {
    const link = device.run(() => createXdpLink(program.fd, ifindex, mode));
    if (link instanceof BpfLink) return link;
    if (notAboutLinks.has(-link)) throw bpfError(tried, -link);
  }
  setXdp(device.route, { ifindex, programFd: program.fd, mode, onlyIfNone: true, tried });
  return undefined;
}
