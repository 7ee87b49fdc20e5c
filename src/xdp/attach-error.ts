import { XdpkitError } from '../errors/error.js';
import { isErrno, type SyscallError } from '../linux/syscall-error.js';
import { attachmentError, readAttachments } from './attachment.js';
import type { DeviceHandle } from './device.js';
import type { XdpMode } from './mode.js';

/** What a refused attach means to the user: the driver's own words, and what can be done. */
export function explainAttachError(device: DeviceHandle, mode: XdpMode, error: unknown): unknown {
  if (!isErrno(error, ...explained)) return error;
  const { errnoName } = error;
  if (errnoName === 'ENODEV') return device.gone(error);
  if (errnoName === 'EBUSY' || errnoName === 'EEXIST') {
    const attachments = readAttachments(device);
    return attachments.length > 0 ? attachmentError('ATTACH_EXISTS', device, attachments) : error;
  }
  if (errnoName === 'ERANGE' || /\bMTU\b/i.test(error.said ?? '')) {
    return new XdpkitError('MTU_TOO_LARGE', `${error.message}; its own MTU is ${device.read().mtu}`, {
      hint:
        'Lower the MTU of the device, and of its peer for veth (3,506 bytes or less fit a page), compile the program ' +
        'with SEC("xdp.frags"), or use --mode generic.',
      cause: error,
    });
  }
  return new XdpkitError('MODE_UNSUPPORTED', error.message, { hint: modeHints[mode], cause: error });
}

const explained = ['ENODEV', 'EBUSY', 'EEXIST', 'ERANGE', 'EOPNOTSUPP', 'ENOTSUPP', 'EINVAL', 'ENOSPC', 'ENOMEM'];

const modeHints: Readonly<Record<XdpMode, string>> = {
  native: 'Use --mode generic (or auto), which needs nothing of the driver.',
  generic: 'Generic mode needs nothing of the driver, so the reason lies in the device or program itself.',
  offload: 'Few network cards run XDP themselves; use --mode native or auto.',
};

/** The kernel's text where it gave one, else the errno in words. */
export function wordsOf(error: SyscallError): string {
  return error.said ?? error.message.slice(error.message.lastIndexOf(': ') + 2);
}
