import { Cursor } from '../bytes/cursor.js';
import { XdpkitError } from '../errors/error.js';
import { realTime } from '../linux/clock.js';
import { IcmpSocket, isPassingSendError, type ReceivedIcmp } from '../linux/icmp-socket.js';
import { openNetns } from '../linux/named-netns.js';
import type { NetworkNamespace } from '../linux/network-namespace.js';
import { internetChecksum } from '../packet/checksum.js';
import { buildEcho, buildUnsummedEcho, type IcmpMessage, readIcmp } from '../packet/icmp.js';
import { ipProtocol, readIp } from '../packet/ip.js';
import { ipVersion } from '../packet/ip-address.js';

export interface PingOptions {
  /** Where from: a name, path or process id, or a lab host's `netns`; the present namespace when left out. */
  readonly netns?: NetworkNamespace | string | number | undefined;
  /** An IPv4 or IPv6 address; no name. */
  readonly destination: string;
  /** Echo requests to send, 4 unless given; `Infinity` until `signal`. */
  readonly count?: number | undefined;
  /**
   * Milliseconds from one request to the next, 1000 unless given; those missed while the process was busy are made up
   * for.
   */
  readonly intervalMs?: number | undefined;
  /** Milliseconds after which a request without an answer is lost; 1000 unless given. */
  readonly timeoutMs?: number | undefined;
  /** Bytes behind the ICMP header, 56 unless given. */
  readonly size?: number | undefined;
  /** Ends the sending; requests under way still have their time to be answered. */
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: PingEvent) => void) | undefined;
}

/** Requests count from 1. */
export type PingEvent =
  | {
      readonly kind: 'reply';
      readonly sequence: number;
      readonly from: string;
      /** Microseconds. */
      readonly roundTrip: number;
    }
  | { readonly kind: 'duplicate'; readonly sequence: number; readonly from: string }
  /** It could not be sent, or a router or host sent it back: "host unreachable". */
  | { readonly kind: 'problem'; readonly sequence: number; readonly from: string | undefined; readonly words: string }
  /** Nothing came in time. */
  | { readonly kind: 'lost'; readonly sequence: number };

export interface PingResult {
  readonly destination: string;
  readonly sent: number;
  readonly received: number;
  readonly duplicates: number;
  /** Requests without an echo reply in time, problems included, ascending. */
  readonly lost: readonly number[];
  readonly problems: readonly Extract<PingEvent, { kind: 'problem' }>[];
  /** Microseconds, in the order of arrival. */
  readonly roundTrips: readonly number[];
}

/** So that an abort is noticed soon while nothing arrives. */
const longestWait = 50;

interface Sent {
  /** Nanoseconds since 1970. */
  readonly at: bigint;
  state: 'waiting' | 'answered' | 'refused';
}

/**
 * Sends ICMP echo requests and matches the answers by identifier and sequence. Round trips are measured to the
 * kernel's receive time stamp, and an answer that came in time counts even if this process looks at it late. Needs
 * CAP_NET_RAW, and CAP_SYS_ADMIN for another namespace. Throws only what ends the whole: no socket, wrong options.
 */
export async function ping(options: PingOptions): Promise<PingResult> {
  const { destination, count = 4, intervalMs = 1000, timeoutMs = 1000, size = 56, signal, netns } = options;
  const version = ipVersion(destination);
  if (version === undefined) throw new XdpkitError('USAGE', `ping: "${destination}" is no IPv4 or IPv6 address`);
  if (!(count >= 1) || !(intervalMs > 0) || !(timeoutMs > 0) || !(size >= 0 && size <= 65_000)) {
    throw new XdpkitError('USAGE', 'ping: count, interval and time-out must be positive, the size 0 to 65000 bytes');
  }
  const open = (): IcmpSocket => IcmpSocket.open(version);
  // A namespace that was given is the caller's to close.
  const given = typeof netns === 'object' ? netns : undefined;
  using opened = netns === undefined || typeof netns === 'object' ? undefined : openNetns(netns);
  const namespace = given ?? opened;
  using socket = namespace ? namespace.run(open) : open();
  const flight = new Flight(socket, destination, timeoutMs, size, options.onEvent);
  const started = performance.now();
  for (;;) {
    const sending = flight.sent < count && !signal?.aborted;
    const due = started + flight.sent * intervalMs;
    if (sending && performance.now() >= due) flight.send();
    flight.receive();
    if (sending) await flight.wait(started + flight.sent * intervalMs - performance.now());
    else if (flight.waiting > 0) await flight.wait(longestWait);
    else return flight.result();
  }
}

/** The requests under way and what became of the others. */
class Flight {
  sent = 0;
  readonly #socket: IcmpSocket;
  readonly #destination: string;
  readonly #timeout: bigint;
  readonly #payload: Uint8Array;
  readonly #identifier = 1 + Math.floor(Math.random() * 0xfffe);
  readonly #tell: (event: PingEvent) => void;
  readonly #underWay = new Map<number, Sent>();
  #received = 0;
  #duplicates = 0;
  readonly #lost: number[] = [];
  readonly #problems: Extract<PingEvent, { kind: 'problem' }>[] = [];
  readonly #roundTrips: number[] = [];

  constructor(
    socket: IcmpSocket,
    destination: string,
    timeoutMs: number,
    size: number,
    tell: ((event: PingEvent) => void) | undefined,
  ) {
    this.#socket = socket;
    this.#destination = destination;
    this.#timeout = BigInt(Math.round(timeoutMs * 1000)) * 1000n;
    this.#payload = Uint8Array.from({ length: size }, (_, index) => index & 0xff);
    this.#tell = tell ?? (() => {});
  }

  /** How many may still be answered. */
  get waiting(): number {
    let waiting = 0;
    for (const { state } of this.#underWay.values()) if (state === 'waiting') waiting += 1;
    return waiting;
  }

  result(): PingResult {
    return {
      destination: this.#destination,
      sent: this.sent,
      received: this.#received,
      duplicates: this.#duplicates,
      lost: this.#lost.toSorted((a, b) => a - b),
      problems: this.#problems,
      roundTrips: this.#roundTrips,
    };
  }

  send(): void {
    this.sent += 1;
    const sequence = this.sent;
    const echo = {
      kind: 'echo-request' as const,
      identifier: this.#identifier,
      sequence: sequence & 0xffff,
      payload: this.#payload,
    };
    const { version } = this.#socket;
    // ICMP's own checksum does not cover the addresses, so the source need not be known.
    const message = version === 4 ? buildEcho(echo, '0.0.0.0', this.#destination) : buildUnsummedEcho(echo, version);
    const request: Sent = { at: realTime(), state: 'waiting' };
    this.#underWay.set(sequence, request);
    try {
      this.#socket.send(message, this.#destination);
    } catch (error) {
      if (!isPassingSendError(error)) throw error;
      this.#refuse(sequence, request, undefined, error.message);
    }
  }

  /** Takes in all that has arrived, then gives up what is overdue: in this order, so that being late costs nothing. */
  receive(): void {
    const now = realTime();
    for (let message = this.#socket.receive(); message; message = this.#socket.receive()) this.#take(message);
    for (const [sequence, request] of this.#underWay) {
      if (now - request.at <= this.#timeout) break;
      this.#underWay.delete(sequence);
      if (request.state !== 'waiting') continue;
      this.#lost.push(sequence);
      this.#tell({ kind: 'lost', sequence });
    }
  }

  /** Until something arrives, at most so many milliseconds. */
  async wait(milliseconds: number): Promise<void> {
    if (milliseconds > 0) await this.#socket.readable(Math.min(longestWait, Math.ceil(milliseconds)));
  }

  #take({ bytes, source, receivedAt }: ReceivedIcmp): void {
    const { version } = this.#socket;
    const message = readMessage(bytes, version);
    const echo = message?.kind === 'error' ? readMessage(message.original.bytes, version, true) : message;
    if (!message || !echo || echo.kind !== (message.kind === 'error' ? 'echo-request' : 'echo-reply')) return;
    if (echo.identifier !== this.#identifier) return;
    // The sequence's 16 bits stand for the last request that had them.
    const sequence = this.sent - ((this.sent - echo.sequence) & 0xffff);
    const request = this.#underWay.get(sequence);
    if (!request) return;
    if (message.kind === 'error') {
      if (request.state === 'waiting') this.#refuse(sequence, request, source, message.words);
      return;
    }
    if (request.state === 'answered') {
      this.#duplicates += 1;
      this.#tell({ kind: 'duplicate', sequence, from: source });
      return;
    }
    const took = receivedAt > request.at ? receivedAt - request.at : 0n;
    if (request.state === 'refused' || took > this.#timeout) return;
    request.state = 'answered';
    this.#received += 1;
    const roundTrip = Number(took) / 1000;
    this.#roundTrips.push(roundTrip);
    this.#tell({ kind: 'reply', sequence, from: source, roundTrip });
  }

  #refuse(sequence: number, request: Sent, from: string | undefined, words: string): void {
    request.state = 'refused';
    this.#lost.push(sequence);
    const problem = { kind: 'problem', sequence, from, words } as const;
    this.#problems.push(problem);
    this.#tell(problem);
  }
}

/** The ICMP message in what a raw socket gives or an error quotes; undefined for others' and damaged ones. */
function readMessage(bytes: Uint8Array, version: 4 | 6, quoted = false): IcmpMessage | undefined {
  try {
    let cursor = new Cursor(bytes, 'ICMP message', { littleEndian: false });
    if (version === 4 || quoted) {
      const packet = readIp(cursor);
      if (packet.version !== version || packet.protocol !== (version === 4 ? ipProtocol.icmp : ipProtocol.icmpv6)) {
        return undefined;
      }
      cursor = packet.payload;
      // Raw sockets get IPv4's messages before the kernel has looked at their checksum. Quotes may be cut short.
      if (!quoted && internetChecksum(cursor.bytes) !== 0) return undefined;
    }
    return readIcmp(cursor, version);
  } catch (error) {
    if (error instanceof XdpkitError && error.code === 'MALFORMED') return undefined;
    throw error;
  }
}
