/** BPF links: attachments that are objects of their own. BPF_LINK_CREATE since Linux 5.7, for XDP since 5.9. */
import { FileDescriptor } from '../linux/file-descriptor.js';
import type { XdpMode } from '../linux/netlink/route/device.js';
import { xdpModeFlags } from '../linux/netlink/route/link.js';
import { errnos } from '../linux/syscall-error.js';
import { attachTypes, commands } from '../uapi/bpf.generated.js';
import { Attribute, bpf, mustBpf } from './bpf.js';
import { type LinkInfo, readLinkInfo } from './info.js';
import { openById } from './iterate.js';
import { openPinned, pinObject } from './pin.js';

/** A link in the kernel. Closing the last descriptor of a link that is not pinned detaches its program. */
export class BpfLink {
  readonly #fd: FileDescriptor;

  /** Takes over `fd`. */
  constructor(fd: FileDescriptor) {
    this.#fd = fd;
  }

  get fd(): number {
    return this.#fd.number;
  }

  /** Asks the kernel anew. */
  info(): LinkInfo {
    return readLinkInfo(this.fd);
  }

  /** Puts `programFd` in the place of the present program, atomically; with `expectedFd` only if that is the present. */
  update(programFd: number, expectedFd: number | undefined, what: string): void {
    const attribute = new Attribute(16).u32(0, this.fd).u32(4, programFd);
    // link_fd 0, new_prog_fd 4, flags 8 (BPF_F_REPLACE), old_prog_fd 12
    if (expectedFd !== undefined) attribute.u32(8, 4).u32(12, expectedFd);
    mustBpf('link_update', attribute, `replace the program of ${what}`);
  }

  /** Ends the attachment although descriptors or pins still hold the link. Since Linux 5.9. Errors: `UNSUPPORTED` by type. */
  detach(what: string): void {
    mustBpf('link_detach', new Attribute(4).u32(0, this.fd), `detach ${what}`, (errno) =>
      errno === errnos.EOPNOTSUPP
        ? {
            code: 'UNSUPPORTED',
            said: 'the kernel cannot detach links of this type',
            hint: 'It ends when the last pin and descriptor that hold the link are gone.',
          }
        : {},
    );
  }

  pin(path: string, what: string): void {
    pinObject(this.fd, path, what);
  }

  [Symbol.dispose](): void {
    this.#fd.close();
  }
}

/**
 * Attaches an XDP program to a device of the present network namespace: the link, or the negative errno, since what a
 * refusal means depends on who asks.
 */
export function createXdpLink(programFd: number, ifindex: number, mode: XdpMode): BpfLink | number {
  // prog_fd 0, target_ifindex 4, attach_type 8, flags 12
  const attribute = new Attribute(48)
    .u32(0, programFd)
    .u32(4, ifindex)
    .u32(8, attachTypes.xdp)
    .u32(12, xdpModeFlags[mode]);
  const result = bpf(commands.link_create, attribute);
  return result < 0 ? result : new BpfLink(new FileDescriptor(result, 'XDP link'));
}

/** Undefined when the link is gone. */
export function openLinkById(id: number): BpfLink | undefined {
  const fd = openById('link', id);
  return fd && new BpfLink(fd);
}

/** Undefined when nothing is pinned there. */
export function openPinnedLink(path: string): BpfLink | undefined {
  const fd = openPinned(path, 'link', 'link');
  return fd && new BpfLink(fd);
}
