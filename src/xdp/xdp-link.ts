import { XdpkitError } from '../errors/error.js';
import type { BpfLink } from '../kernel/link.js';
import { duplicateDescriptor, type FileDescriptor } from '../linux/file-descriptor.js';
import { setXdp } from '../linux/netlink/route/link.js';
import { isErrno } from '../linux/syscall-error.js';
import type { DeviceHandle } from './device.js';
import type { XdpMode } from './mode.js';
import { ownLinkPin, removeOwnPin, sweepDeadPins } from './own-pins.js';

/** What an attachment needs of a program; a `BpfProgram` is one. */
export interface AttachableProgram {
  readonly name: string;
  readonly fd: number;
  readonly id: number;
}

export interface XdpLinkState {
  readonly device: DeviceHandle;
  readonly mode: XdpMode;
  /** Undefined where the device itself holds the program (netlink). */
  readonly link: BpfLink | undefined;
  readonly program: HeldProgram;
  /** The driver's reason why native mode was not to be had, where `auto` fell back. */
  readonly fallback: string | undefined;
}

/**
 * An XDP program on a device. `[Symbol.dispose]()` detaches it, unless it is pinned: then it stays and
 * only the handle is closed.
 */
export class XdpLink {
  readonly device: string;
  readonly ifindex: number;
  readonly mode: XdpMode;
  readonly fallback: string | undefined;
  readonly #device: DeviceHandle;
  readonly #link: BpfLink | undefined;
  #program: HeldProgram;
  #pin: string | undefined;
  #stays = false;
  #closed = false;

  /** For `attachXdp`; takes over the handle, the link and the program's descriptor. */
  constructor({ device, mode, link, program, fallback }: XdpLinkState) {
    this.#device = device;
    this.device = device.name;
    this.ifindex = device.ifindex;
    this.mode = mode;
    this.#link = link;
    this.#program = program;
    this.fallback = fallback;
  }

  /** `link`: a BPF link; `netlink`: the device itself. */
  get heldBy(): 'link' | 'netlink' {
    return this.#link ? 'link' : 'netlink';
  }

  get programId(): number {
    return this.#program.id;
  }

  /** Where the link is pinned; undefined while it is not. */
  get pinnedAt(): string | undefined {
    return this.#pin;
  }

  /** Puts another program in the place of the present one: no packet passes between them without a program. */
  update(program: AttachableProgram): void {
    this.#requireOpen();
    const next = holdProgram(program);
    try {
      const { id, fd } = this.#program;
      swapProgram(this.#device, { link: this.#link, mode: this.mode }, program, { id, fd: fd.number });
    } catch (error) {
      next.fd.close();
      throw error;
    }
    this.#program.fd.close();
    this.#program = next;
  }

  /**
   * Pins the link under xdpkit's folder, so that the program outlives the process. What netlink holds does anyway, and
   * what is pinned already stays so.
   */
  pin(): void {
    this.#requireOpen();
    if (this.#pin !== undefined) return;
    if (this.#link === undefined) {
      this.#stays = true;
      return;
    }
    const { cookie } = this.#device.netns;
    sweepDeadPins();
    const path = ownLinkPin(cookie, this.ifindex);
    try {
      this.#link.pin(path, `the XDP link of ${this.#device.what}`);
    } catch (error) {
      // The folders on the way may have been made in vain.
      if (!(error instanceof XdpkitError && error.code === 'PIN_EXISTS')) removeOwnPin(path);
      throw error;
    }
    this.#pin = path;
  }

  /** Takes the program off the device, pinned or not. Errors: `ATTACH_CHANGED`, `DEVICE_GONE`. */
  detach(): void {
    this.#requireOpen();
    const what = `program ${this.programId} from ${this.#device.what}`;
    if (this.#link) this.#link.detach(what);
    else {
      const outcome = this.#detachByNetlink();
      if (outcome === 'gone') throw this.#device.gone();
      if (outcome === 'changed') throw attachChanged(`detach ${what}`);
    }
    if (this.#pin) removeOwnPin(this.#pin);
    this.#stays = true;
    this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    try {
      // What is no longer ours, or no longer there, needs nothing more.
      if (this.#link === undefined && !this.#stays) this.#detachByNetlink();
    } finally {
      this.#link?.[Symbol.dispose]();
      this.#program.fd.close();
      this.#device[Symbol.dispose]();
    }
  }

  /** Only our own program: somebody else's that came in its place stays. */
  #detachByNetlink(): 'detached' | 'changed' | 'gone' {
    const { ifindex, mode } = this;
    try {
      setXdp(this.#device.route, { ifindex, programFd: -1, mode, expectedFd: this.#program.fd.number });
      return 'detached';
    } catch (error) {
      if (isErrno(error, 'ENODEV')) return 'gone';
      // Netlink answers EBUSY where a link has come.
      if (isErrno(error, 'EEXIST', 'EBUSY', 'ENOENT')) return 'changed';
      throw error;
    }
  }

  #requireOpen(): void {
    if (this.#closed)
      throw new XdpkitError('CLOSED', `the XDP link of ${this.#device.what} was used after it was closed`);
  }
}

/** Held by a descriptor of its own: to open a program by its id takes a privilege that attaching does not. */
export interface HeldProgram {
  readonly id: number;
  readonly fd: FileDescriptor;
}

export function holdProgram({ id, fd, name }: AttachableProgram): HeldProgram {
  return { id, fd: duplicateDescriptor(fd, `program "${name}"`) };
}

/** One atomic swap on a device, by whatever holds it. Errors: `ATTACH_CHANGED`, `DEVICE_GONE`. */
export function swapProgram(
  device: DeviceHandle,
  held: { readonly link: BpfLink | undefined; readonly mode: XdpMode },
  program: AttachableProgram,
  present: Pick<AttachableProgram, 'id' | 'fd'> | undefined,
): void {
  const tried = `replace the program of ${device.what} by "${program.name}"`;
  if (present === undefined) throw attachChanged(tried);
  try {
    if (held.link) held.link.update(program.fd, present.fd, device.what);
    else {
      const { ifindex } = device;
      setXdp(device.route, { ifindex, programFd: program.fd, mode: held.mode, expectedFd: present.fd, tried });
    }
  } catch (error) {
    if (isErrno(error, 'ENODEV')) throw device.gone(error);
    if (isErrno(error, 'ENOLINK')) {
      // The link has no device any more: somebody has detached it, or the device itself is gone, which this throws.
      device.read();
      throw attachChanged(tried, error);
    }
    // A link answers EPERM to a program other than the expected one, netlink EEXIST.
    if (
      isErrno(error, 'EEXIST') ||
      (held.link && isErrno(error, 'EPERM') && presentId(device, held.mode) !== present.id)
    ) {
      throw attachChanged(tried, error);
    }
    throw error;
  }
}

/** Somebody else's change is not undone. */
export function attachChanged(tried: string, cause?: unknown): XdpkitError {
  return new XdpkitError('ATTACH_CHANGED', `${tried}: another process changed it at the same time`, {
    hint: 'Look at it with `xdpkit status`, then try again.',
    cause,
  });
}

function presentId(device: DeviceHandle, mode: XdpMode): number | undefined {
  return device.read().xdp.programs.find((each) => each.mode === mode)?.id;
}
