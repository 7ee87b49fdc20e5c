import { XdpkitError } from '../errors/error.js';

/**
 * IP addresses as people write them (RFC 4291, RFC 5952) and as packets carry them: 4 or 16 bytes in network order.
 */
export type IpVersion = 4 | 6;

function refuse(text: string, kind: string): XdpkitError {
  return new XdpkitError('USAGE', `"${text}" is no ${kind}`);
}

/** `10.11.1.1` as 4 bytes. Leading zeroes are refused: some read them as octal. */
export function parseIpv4(text: string): Uint8Array {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256)) {
    throw refuse(text, 'IPv4 address');
  }
  return Uint8Array.from(parts, Number);
}

/** `fc00:dead:cafe:1::1` as 16 bytes; the last two groups may be an IPv4 address. No zone (`%eth0`). */
export function parseIpv6(text: string): Uint8Array {
  const [head = '', tail, ...more] = text.split('::');
  if (more.length > 0) throw refuse(text, 'IPv6 address');
  const front = parseGroups(head, text, tail === undefined);
  const back = tail === undefined ? [] : parseGroups(tail, text, true);
  const length = front.length + back.length;
  if (tail === undefined ? length !== 16 : length > 14) throw refuse(text, 'IPv6 address');
  const bytes = new Uint8Array(16);
  bytes.set(front);
  bytes.set(back, 16 - back.length);
  return bytes;
}

function parseGroups(part: string, text: string, last: boolean): number[] {
  if (part === '') return [];
  const groups = part.split(':');
  return groups.flatMap((group, index) => {
    if (last && index === groups.length - 1 && group.includes('.')) {
      try {
        return [...parseIpv4(group)];
      } catch (cause) {
        throw new XdpkitError('USAGE', `"${text}" is no IPv6 address: its end is no IPv4 address`, { cause });
      }
    }
    if (!/^[0-9a-fA-F]{1,4}$/.test(group)) throw refuse(text, 'IPv6 address');
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}

/** An address of either version as its 4 or 16 bytes. */
export function parseIp(text: string): Uint8Array {
  if (text.includes(':')) return parseIpv6(text);
  if (text.includes('.')) return parseIpv4(text);
  throw refuse(text, 'IP address');
}

/** 4 if `text` is an IPv4 address, 6 if it is an IPv6 address, else undefined. */
export function ipVersion(text: string): IpVersion | undefined {
  try {
    return parseIp(text).length === 4 ? 4 : 6;
  } catch {
    return undefined;
  }
}

/** 4 or 16 bytes as text; IPv6 in the one form of RFC 5952. */
export function formatIp(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.length !== 16) throw new RangeError(`an IP address has 4 or 16 bytes, not ${bytes.length}`);
  // Section 5: a v4-mapped address shows its IPv4 part.
  if (bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff) {
    return `::ffff:${bytes.subarray(12).join('.')}`;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, 16);
  const groups = Array.from({ length: 8 }, (_, index) => view.getUint16(index * 2));
  const { start, length } = longestZeroRun(groups);
  const hex = (part: number[]) => part.map((group) => group.toString(16)).join(':');
  // Section 4.2: the longest run of at least two groups is left out, the first one of equals.
  if (length < 2) return hex(groups);
  return `${hex(groups.slice(0, start))}::${hex(groups.slice(start + length))}`;
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  for (const [index, group] of groups.entries()) {
    if (group !== 0) start = index + 1;
    else if (index + 1 - start > best.length) best = { start, length: index + 1 - start };
  }
  return best;
}
