import type { Cursor } from '../bytes/cursor.js';
import { internetChecksum } from './checksum.js';
import { formatIp, parseIp } from './ip-address.js';

/** Protocol numbers (IANA). */
export const ipProtocol = { icmp: 1, tcp: 6, udp: 17, icmpv6: 58 } as const;

export interface IpHeader {
  readonly version: 4 | 6;
  readonly source: string;
  readonly destination: string;
  /** IPv4's protocol, IPv6's next header: extension headers are not followed. */
  readonly protocol: number;
  /** IPv4's time to live, IPv6's hop limit. */
  readonly hopLimit: number;
}

export interface IpPacket extends IpHeader {
  /** Without the padding of a short Ethernet frame. */
  readonly payload: Cursor;
}

/**
 * Reads an IPv4 (RFC 791) or IPv6 (RFC 8200) header by its first half-byte. The cursor must be in network byte order.
 * Checksums are not looked at. A packet that was cut short gives the payload that is there.
 */
export function readIp(cursor: Cursor): IpPacket {
  const start = cursor.offset;
  const first = cursor.u8();
  const version = first >> 4;
  if (version === 4) {
    const headerLength = (first & 0xf) * 4;
    if (headerLength < 20) throw cursor.error(`IPv4 header of ${headerLength} bytes, shorter than 20`, start);
    const totalLength = cursor.skip(1).u16();
    const hopLimit = cursor.skip(4).u8();
    const protocol = cursor.u8();
    const source = formatIp(cursor.skip(2).take(4));
    const destination = formatIp(cursor.take(4));
    if (totalLength < headerLength)
      throw cursor.error(`IPv4 packet of ${totalLength} bytes, less than its header`, start);
    cursor.seek(start).skip(headerLength);
    return { version, source, destination, protocol, hopLimit, payload: rest(cursor, totalLength - headerLength) };
  }
  if (version !== 6) throw cursor.error(`IP version ${version}, not 4 or 6`, start);
  const length = cursor.skip(3).u16();
  const protocol = cursor.u8();
  const hopLimit = cursor.u8();
  const source = formatIp(cursor.take(16));
  const destination = formatIp(cursor.take(16));
  return { version, source, destination, protocol, hopLimit, payload: rest(cursor, length) };
}

function rest(cursor: Cursor, length: number): Cursor {
  return cursor.window(cursor.offset, Math.min(length, cursor.remaining));
}

/** A packet without options; IPv4 with its checksum, not to be fragmented. The version follows from the addresses. */
export function buildIp(header: Omit<IpHeader, 'version'>, payload: Uint8Array): Uint8Array {
  const source = parseIp(header.source);
  const destination = parseIp(header.destination);
  if (source.length !== destination.length) {
    throw new RangeError(`${header.source} and ${header.destination} are of different IP versions`);
  }
  const headerLength = source.length === 4 ? 20 : 40;
  const bytes = new Uint8Array(headerLength + payload.length);
  const view = new DataView(bytes.buffer);
  if (headerLength === 20) {
    bytes[0] = 0x45;
    view.setUint16(2, bytes.length);
    view.setUint16(6, 0x4000);
    bytes[8] = header.hopLimit;
    bytes[9] = header.protocol;
    bytes.set(source, 12);
    bytes.set(destination, 16);
    view.setUint16(10, internetChecksum(bytes.subarray(0, headerLength)));
  } else {
    bytes[0] = 0x60;
    view.setUint16(4, payload.length);
    bytes[6] = header.protocol;
    bytes[7] = header.hopLimit;
    bytes.set(source, 8);
    bytes.set(destination, 24);
  }
  bytes.set(payload, headerLength);
  return bytes;
}
