import { Cursor } from '../bytes/cursor.js';
import { formatIp, parseIp } from '../packet/ip-address.js';
import { realTime } from './clock.js';
import { addressOf, errno, pollAsync } from './ffi.js';
import { FileDescriptor } from './file-descriptor.js';
import { errnoName, lastError, SyscallError } from './syscall-error.js';
import { mustCall, systemCall } from './syscalls.js';

const addressFamily = { 4: 2, 6: 10 } as const;
const protocol = { 4: 1, 6: 58 } as const;
const socketRaw = 3;
const nonBlocking = 0o4000;
const closeOnExec = 0o2000000;
const levelSocket = 1;
const option = { timestamp: 35, receiveBufferForce: 33 } as const;
const pollIn = 1;

// One arena for what recvmsg fills: struct msghdr, struct iovec, the sender, control messages, then the data.
const headerAt = 0;
const vectorAt = 56;
const nameAt = 72;
const nameSize = 28;
const controlAt = 104;
const controlSize = 128;
const dataAt = 232;
const dataSize = 65_536;

export interface ReceivedIcmp {
  readonly source: string;
  /** From the IP header with IPv4, from the ICMP header with IPv6. A view that the next receive overwrites. */
  readonly bytes: Uint8Array;
  /** Nanoseconds since 1970, by the kernel when the packet came in: a busy event loop does not lengthen it. */
  readonly receivedAt: bigint;
}

/**
 * A raw socket for ICMP or ICMPv6 of the present network namespace. Needs CAP_NET_RAW. It never blocks.
 * Source: raw(7), RFC 3542.
 */
export class IcmpSocket {
  readonly version: 4 | 6;
  readonly #descriptor: FileDescriptor;
  readonly #arena = new Uint8Array(dataAt + dataSize);
  readonly #view = new DataView(this.#arena.buffer);

  private constructor(version: 4 | 6, descriptor: FileDescriptor) {
    this.version = version;
    this.#descriptor = descriptor;
  }

  static open(version: 4 | 6): IcmpSocket {
    const tried = `open a raw ICMP socket for IPv${version}`;
    const type = socketRaw | nonBlocking | closeOnExec;
    const number = mustCall('socket', tried, [addressFamily[version], type, protocol[version]], {
      capability: 'CAP_NET_RAW',
    });
    const descriptor = new FileDescriptor(number, 'raw ICMP socket');
    try {
      const one = Uint8Array.of(1, 0, 0, 0);
      mustCall('setsockopt', tried, [number, levelSocket, option.timestamp, one, one.length]);
      // Room for a stream at full rate while this process is busy; without CAP_NET_ADMIN the usual size has to do.
      const megabyte = Uint8Array.of(0, 0, 16, 0);
      systemCall('setsockopt', number, levelSocket, option.receiveBufferForce, megabyte, megabyte.length);
      return new IcmpSocket(version, descriptor);
    } catch (error) {
      descriptor.close();
      throw error;
    }
  }

  /** Sends an ICMP message; the kernel adds the IP header, and to ICMPv6 the checksum. */
  send(message: Uint8Array, destination: string): void {
    const address = new Uint8Array(this.version === 4 ? 16 : 28);
    address[0] = addressFamily[this.version];
    address.set(parseIp(destination), this.version === 4 ? 4 : 8);
    mustCall('sendto', `send an ICMP echo to ${destination}`, [
      this.#descriptor.number,
      message,
      message.length,
      0,
      address,
      address.length,
    ]);
  }

  /** The next message that waits; undefined when there is none. */
  receive(): ReceivedIcmp | undefined {
    const { number } = this.#descriptor;
    const base = addressOf(this.#arena);
    const view = this.#view;
    this.#arena.fill(0, headerAt, dataAt);
    view.setBigUint64(headerAt, base + BigInt(nameAt), true);
    view.setUint32(headerAt + 8, nameSize, true);
    view.setBigUint64(headerAt + 16, base + BigInt(vectorAt), true);
    view.setBigUint64(headerAt + 24, 1n, true);
    view.setBigUint64(headerAt + 32, base + BigInt(controlAt), true);
    view.setBigUint64(headerAt + 40, BigInt(controlSize), true);
    view.setBigUint64(vectorAt, base + BigInt(dataAt), true);
    view.setBigUint64(vectorAt + 8, BigInt(dataSize), true);
    const length = systemCall('recvmsg', number, this.#arena, 0);
    if (length < 0) {
      if (['EAGAIN', 'EINTR'].includes(errnoName(errno()))) return undefined;
      throw lastError('receive ICMP messages', { syscall: 'recvmsg' });
    }
    const source = this.version === 4 ? [nameAt + 4, nameAt + 8] : [nameAt + 8, nameAt + 24];
    return {
      source: formatIp(this.#arena.subarray(...source)),
      bytes: this.#arena.subarray(dataAt, dataAt + length),
      receivedAt: this.#timestamp() ?? realTime(),
    };
  }

  /** Waits until a message can be received: false when `milliseconds` have passed without. The event loop goes on. */
  async readable(milliseconds: number): Promise<boolean> {
    const descriptors = new Uint8Array(8);
    const view = new DataView(descriptors.buffer);
    view.setInt32(0, this.#descriptor.number, true);
    view.setInt16(4, pollIn, true);
    const ready = await pollAsync(descriptors, 1, milliseconds);
    return ready > 0;
  }

  close(): void {
    this.#descriptor.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** struct timespec in the control message SCM_TIMESTAMPNS. */
  #timestamp(): bigint | undefined {
    const length = Number(this.#view.getBigUint64(headerAt + 40, true));
    const control = new Cursor(this.#arena, 'control messages').window(controlAt, Math.min(length, controlSize));
    if (control.remaining < 32 || control.skip(8).u32() !== levelSocket || control.u32() !== option.timestamp) {
      return undefined;
    }
    return control.u64() * 1_000_000_000n + control.u64();
  }
}

/** Whether a failed `send` concerns this packet alone, so that the next may succeed. */
export function isPassingSendError(error: unknown): error is SyscallError {
  const passing = ['ENETUNREACH', 'EHOSTUNREACH', 'ENETDOWN', 'ENOBUFS', 'EAGAIN', 'EADDRNOTAVAIL', 'ENODEV', 'EPERM'];
  return error instanceof SyscallError && passing.includes(error.errnoName);
}
