/**
 * The bpf(2) system call. Offsets into `union bpf_attr` stand beside each call that uses them; they are those of
 * `include/uapi/linux/bpf.h` and never change.
 */
import { hostIsLittleEndian } from '../bytes/byte-order.js';
import type { XdpkitError } from '../errors/error.js';
import type { Capability } from '../linux/capabilities.js';
import { addressOf, errno, syscall } from '../linux/ffi.js';
import { errnos, SyscallError, type SyscallErrorDetail } from '../linux/syscall-error.js';
import { syscallNumber } from '../linux/syscalls.js';
import { commands } from '../uapi/bpf.generated.js';
import { diagnosePermission } from './permission.js';

export type BpfCommand = keyof typeof commands;

/** An argument of bpf(2): zeroed bytes that are filled by offset. Buffers it points at live as long as it does. */
export class Attribute {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly address: bigint;
  readonly #held: Uint8Array[] = [];

  constructor(size: number) {
    this.bytes = new Uint8Array(new ArrayBuffer(size));
    this.view = new DataView(this.bytes.buffer);
    this.address = addressOf(this.bytes);
  }

  u32(offset: number, value: number): this {
    this.view.setUint32(offset, value, hostIsLittleEndian);
    return this;
  }

  u64(offset: number, value: bigint): this {
    this.view.setBigUint64(offset, value, hostIsLittleEndian);
    return this;
  }

  pointer(offset: number, target: Uint8Array): this {
    this.#held.push(target);
    return this.u64(offset, addressOf(target));
  }

  /** A NUL-terminated string that the attribute points at. */
  path(offset: number, text: string): this {
    return this.pointer(offset, new TextEncoder().encode(`${text}\0`));
  }

  /** At most `size` − 1 bytes of an object's name, with what the kernel refuses in one replaced. */
  name(offset: number, name: string, size = 16): this {
    this.bytes.set(new TextEncoder().encode(kernelName(name)).subarray(0, size - 1), offset);
    return this;
  }

  getU32(offset: number): number {
    return this.view.getUint32(offset, hostIsLittleEndian);
  }
}

/** A name as the kernel holds it: 15 bytes of letters, digits, `_` and `.`. */
export function kernelName(name: string): string {
  return name.replace(/[^A-Za-z0-9_.]/g, '_').slice(0, 15);
}

let bpfNumber: number | undefined;

// A call may be the last use of its argument, which the collector could then free too early: held here, it stays.
const underWay: Attribute[] = [];

/** Makes the call: what the kernel answered, or the negative errno. */
export function bpf(command: number, attribute: Attribute): number {
  bpfNumber ??= syscallNumber('bpf');
  underWay.push(attribute);
  const result = syscall(bpfNumber, command, attribute.address, attribute.bytes.length);
  underWay.pop();
  return result < 0 ? -errno() : result;
}

/** Makes the call; a refusal becomes an error that says what was `tried`. */
export function mustBpf(
  command: BpfCommand,
  attribute: Attribute,
  tried: string,
  detail: (errno: number) => SyscallErrorDetail = () => ({}),
): number {
  const result = bpf(commands[command], attribute);
  if (result < 0) throw bpfError(tried, -result, detail(-result));
  return result;
}

export interface BpfErrorDetail extends SyscallErrorDetail {
  /** The capabilities that the call takes; those of XDP unless given. */
  readonly needs?: readonly Capability[] | undefined;
}

/**
 * The error of a refused call. For EPERM the cause is probed and told; EACCES is never about capabilities, but about a
 * file's mode, a security module or the verifier's judgement.
 */
export function bpfError(tried: string, number: number, detail: BpfErrorDetail = {}): XdpkitError {
  const full = { syscall: 'bpf', ...detail };
  if (number !== errnos.EPERM) return new SyscallError(tried, number, full);
  const diagnosis = diagnosePermission(detail.needs);
  if (diagnosis === undefined)
    return new SyscallError(tried, number, { ...full, code: detail.code ?? 'NOT_PERMITTED' });
  return new SyscallError(tried, number, {
    ...full,
    code: 'NOT_PERMITTED',
    said: detail.said ?? diagnosis.cause,
    hint: detail.hint ?? diagnosis.hint,
  });
}
