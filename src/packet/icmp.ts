import type { Cursor } from '../bytes/cursor.js';
import { internetChecksum, pseudoHeader } from './checksum.js';
import { parseIp } from './ip-address.js';

/** ICMP (RFC 792) and ICMPv6 (RFC 4443), as far as echoes and the errors about them go. */
export type IcmpMessage =
  | {
      readonly kind: 'echo-request' | 'echo-reply';
      readonly identifier: number;
      readonly sequence: number;
      readonly payload: Uint8Array;
    }
  | {
      readonly kind: 'error';
      /** "destination host unreachable". */
      readonly words: string;
      /** As much of the refused packet, from its IP header, as came back. */
      readonly original: Cursor;
    }
  | { readonly kind: 'other'; readonly type: number; readonly code: number };

// Redirects and source quenches are advice: the packet that they quote went on.
const types = {
  4: { request: 8, reply: 0, errors: [3, 11, 12] },
  6: { request: 128, reply: 129, errors: [1, 2, 3, 4] },
} as const;

const unreachable4 = [
  'network unreachable',
  'host unreachable',
  'protocol unreachable',
  'port unreachable',
  'fragmentation needed',
  'source route failed',
  'network unknown',
  'host unknown',
  'source host isolated',
  'network administratively prohibited',
  'host administratively prohibited',
  'network unreachable for this type of service',
  'host unreachable for this type of service',
  'communication administratively prohibited',
];
const unreachable6 = [
  'no route to destination',
  'communication administratively prohibited',
  'beyond scope of source address',
  'address unreachable',
  'port unreachable',
  'source address failed policy',
  'reject route to destination',
];
const errorWords: Record<4 | 6, Readonly<Record<number, string>>> = {
  4: { 11: 'time to live exceeded', 12: 'parameter problem' },
  6: { 2: 'packet too big', 3: 'hop limit exceeded', 4: 'parameter problem' },
};

function describe(version: 4 | 6, type: number, code: number): string {
  const unreachable = version === 4 ? (type === 3 ? unreachable4 : undefined) : type === 1 ? unreachable6 : undefined;
  return unreachable?.[code] ?? errorWords[version][type] ?? `ICMP type ${type} code ${code}`;
}

/** Reads a message to the end of its window; the checksum is not looked at. Network byte order. */
export function readIcmp(cursor: Cursor, version: 4 | 6): IcmpMessage {
  const type = cursor.u8();
  const code = cursor.u8();
  cursor.skip(2);
  const known = types[version];
  if (type === known.request || type === known.reply) {
    const kind = type === known.request ? 'echo-request' : 'echo-reply';
    const [identifier, sequence] = [cursor.u16(), cursor.u16()];
    return { kind, identifier, sequence, payload: cursor.take(cursor.remaining) };
  }
  if (!known.errors.some((error) => error === type)) return { kind: 'other', type, code };
  cursor.skip(4);
  const original = cursor.window(cursor.offset, cursor.remaining);
  return { kind: 'error', words: describe(version, type, code), original };
}

export interface Echo {
  readonly kind: 'echo-request' | 'echo-reply';
  /** 16 bits each. */
  readonly identifier: number;
  readonly sequence: number;
  readonly payload: Uint8Array;
}

/** An echo message with its checksum, which for IPv6 covers the addresses too. */
export function buildEcho(echo: Echo, source: string, destination: string): Uint8Array {
  const [from, to] = [parseIp(source), parseIp(destination)];
  const version = from.length === 4 ? 4 : 6;
  const bytes = buildUnsummedEcho(echo, version);
  const pseudo = version === 6 ? [pseudoHeader(from, to, 58, bytes.length)] : [];
  new DataView(bytes.buffer).setUint16(2, internetChecksum(...pseudo, bytes));
  return bytes;
}

/** The same with a checksum of 0: what a raw ICMPv6 socket takes, whose kernel puts it in (RFC 3542, 3.1). */
export function buildUnsummedEcho({ kind, identifier, sequence, payload }: Echo, version: 4 | 6): Uint8Array {
  const bytes = new Uint8Array(8 + payload.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = kind === 'echo-request' ? types[version].request : types[version].reply;
  view.setUint16(4, identifier);
  view.setUint16(6, sequence);
  bytes.set(payload, 8);
  return bytes;
}
