import { XdpkitError } from '../../errors/error.js';
import { errno } from '../ffi.js';
import { FileDescriptor } from '../file-descriptor.js';
import { errnoName, errnos, lastError, SyscallError, type SyscallErrorDetail } from '../syscall-error.js';
import { mustCall, systemCall } from '../syscalls.js';
import {
  encodeMessage,
  messageFlag,
  messageType,
  type NetlinkMessage,
  readAttributeMap,
  readMessages,
  readText,
} from './message.js';

const protocols = { route: 0, generic: 16 } as const;

const addressFamilyNetlink = 16;
const socketRaw = 3;
const closeOnExec = 0o2000000;
const levelSocket = 1;
const receiveTimeout = 20;
const levelNetlink = 270;
const capAck = 10;
const extAck = 11;
const peek = 0x2;
const truncate = 0x20;

/** Seconds after which an answer is given up, so that a lost one cannot hang the process. */
const patience = 5;
const dumpAttempts = 10;

/** NLMSGERR_ATTR_MSG. */
const errorText = 1;

/**
 * A netlink socket. It belongs to the network namespace in which it was opened, wherever the process goes later. All
 * calls are synchronous: the kernel answers rtnetlink and generic netlink before `sendto` returns.
 */
export class NetlinkSocket {
  readonly #descriptor: FileDescriptor;
  readonly #port: number;
  #sequence = 0;
  #buffer = new Uint8Array(32 * 1024);

  private constructor(descriptor: FileDescriptor, port: number) {
    this.#descriptor = descriptor;
    this.#port = port;
  }

  /** Opens a socket in the present network namespace. */
  static open(protocol: keyof typeof protocols): NetlinkSocket {
    const tried = `open a netlink socket (${protocol})`;
    const type = socketRaw | closeOnExec;
    const number = mustCall('socket', tried, [addressFamilyNetlink, type, protocols[protocol]]);
    const descriptor = new FileDescriptor(number, `netlink socket (${protocol})`);
    try {
      const one = Uint8Array.of(1, 0, 0, 0);
      const timeout = new Uint8Array(new BigInt64Array([BigInt(patience), 0n]).buffer);
      mustCall('setsockopt', tried, [number, levelSocket, receiveTimeout, timeout, timeout.length]);
      // Kernels before 4.12 lack the two: errors then come without the kernel's words.
      systemCall('setsockopt', number, levelNetlink, extAck, one, one.length);
      systemCall('setsockopt', number, levelNetlink, capAck, one, one.length);
      const address = new Uint8Array(12);
      address[0] = addressFamilyNetlink;
      mustCall('bind', tried, [number, address, address.length]);
      const length = Uint8Array.of(address.length, 0, 0, 0);
      mustCall('getsockname', tried, [number, address, length]);
      return new NetlinkSocket(descriptor, new DataView(address.buffer).getUint32(4, true));
    } catch (error) {
      descriptor.close();
      throw error;
    }
  }

  /**
   * Sends one request and waits for its acknowledgement; gives the messages that came before it. What the kernel
   * refuses is thrown as `SyscallError` with its text.
   */
  request(
    tried: string,
    type: number,
    payload: Uint8Array,
    options: SyscallErrorDetail & { flags?: number } = {},
  ): NetlinkMessage[] {
    const { flags = 0, ...detail } = options;
    const sequence = this.#send(tried, type, messageFlag.request | messageFlag.ack | flags, payload);
    return this.#receive(tried, sequence, detail).messages;
  }

  /** Asks for all of something. A dump that the kernel marks as torn by a change in between is asked for again. */
  dump(tried: string, type: number, payload: Uint8Array, detail: SyscallErrorDetail = {}): NetlinkMessage[] {
    for (let attempt = 1; ; attempt++) {
      const sequence = this.#send(tried, type, messageFlag.request | messageFlag.dump, payload);
      const { messages, interrupted } = this.#receive(tried, sequence, detail);
      if (!interrupted) return messages;
      if (attempt === dumpAttempts) {
        throw new SyscallError(tried, 4, {
          ...detail,
          said: `the list changed during each of ${dumpAttempts} readings`,
        });
      }
    }
  }

  close(): void {
    this.#descriptor.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #send(tried: string, type: number, flags: number, payload: Uint8Array): number {
    this.#sequence += 1;
    const message = encodeMessage(type, flags, this.#sequence, payload);
    const kernel = new Uint8Array(12);
    kernel[0] = addressFamilyNetlink;
    const { number } = this.#descriptor;
    mustCall('sendto', tried, [number, message, message.length, 0, kernel, kernel.length]);
    return this.#sequence;
  }

  #receive(
    tried: string,
    sequence: number,
    detail: SyscallErrorDetail,
  ): { messages: NetlinkMessage[]; interrupted: boolean } {
    const messages: NetlinkMessage[] = [];
    let interrupted = false;
    for (;;) {
      for (const message of readMessages(this.#datagram(tried), `netlink answer to "${tried}"`)) {
        // Left over from a request that was given up, or meant for another socket.
        if (message.sequence !== sequence || message.port !== this.#port) continue;
        if (message.flags & messageFlag.dumpInterrupted) interrupted = true;
        if (message.type === messageType.error || message.type === messageType.done) {
          throwIfRefused(tried, message, detail);
          return { messages, interrupted };
        }
        if (message.type !== messageType.noop) messages.push(message);
      }
    }
  }

  /** The next datagram whole, as a copy: the buffer grows to what the kernel says it needs. */
  #datagram(tried: string): Uint8Array {
    const length = this.#receiveInto(tried, peek | truncate);
    if (length > this.#buffer.length) this.#buffer = new Uint8Array(length * 2);
    return this.#buffer.slice(0, this.#receiveInto(tried, 0));
  }

  #receiveInto(tried: string, flags: number): number {
    for (;;) {
      const { number } = this.#descriptor;
      const length = systemCall('recvfrom', number, this.#buffer, this.#buffer.length, flags, 0, 0);
      if (length >= 0) return length;
      const name = errnoName(errno());
      if (name === 'EINTR') continue;
      if (name !== 'EAGAIN') throw lastError(tried, { syscall: 'recvfrom' });
      throw new XdpkitError('FAILED', `${tried}: the kernel did not answer by netlink within ${patience} s`);
    }
  }
}

/** An acknowledgement or the end of a dump carries 0 or a negative errno, and perhaps attributes with text. */
function throwIfRefused(tried: string, message: NetlinkMessage, detail: SyscallErrorDetail): void {
  const { payload } = message;
  const code = payload.remaining >= 4 ? payload.i32() : 0;
  if (code >= 0) return;
  let said: string | undefined;
  if (message.flags & messageFlag.ackAttributes) {
    if (message.type === messageType.error) {
      // The request's header comes back, and unless capped its payload too.
      const requestLength = payload.u32();
      payload.skip(message.flags & messageFlag.capped ? 12 : Math.max(12, ((requestLength + 3) & ~3) - 4));
    }
    const text = readAttributeMap(payload).get(errorText);
    if (text) said = readText(text).trim();
  }
  const hint = detail.hint ?? (-code === errnos.EPERM ? 'It needs CAP_NET_ADMIN: run as root.' : undefined);
  throw new SyscallError(tried, -code, { ...detail, said: detail.said ?? said, hint, syscall: 'sendto' });
}
