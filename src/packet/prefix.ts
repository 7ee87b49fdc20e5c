import { XdpkitError } from '../errors/error.js';
import { formatIp, parseIp } from './ip-address.js';

/** An IP prefix; `bytes` has 4 or 16 bytes in network order, those beyond `length` bits zero. */
export interface Prefix {
  readonly bytes: Uint8Array;
  /** Bits: 0 to 32 or 128. */
  readonly length: number;
}

/** `10.0.0.0/8` or `fc00::/7`; an address alone is the prefix of its full length. Bits beyond the length are cleared. */
export function parsePrefix(text: string): Prefix {
  const { bytes, length } = parseInterfaceAddress(text);
  return prefixOf(bytes, length);
}

/** `10.11.1.1/24` as an address (host bits kept) and its prefix length. */
export function parseInterfaceAddress(text: string): Prefix {
  const slash = text.indexOf('/');
  const bytes = parseIp(slash === -1 ? text : text.slice(0, slash));
  const digits = slash === -1 ? String(bytes.length * 8) : text.slice(slash + 1);
  if (!/^(0|[1-9]\d{0,2})$/.test(digits) || Number(digits) > bytes.length * 8) {
    throw new XdpkitError('USAGE', `"${text}" is no prefix: its length must be 0 to ${bytes.length * 8} bits`);
  }
  return { bytes, length: Number(digits) };
}

/** The first `length` bits of an address. */
export function prefixOf(address: Uint8Array, length: number): Prefix {
  return { bytes: address.map((byte, index) => byte & byteMask(length - index * 8)), length };
}

export function formatPrefix({ bytes, length }: Prefix): string {
  return `${formatIp(bytes)}/${length}`;
}

/** Whether the address (4 or 16 bytes) lies in the prefix; never across versions. */
export function prefixContains(prefix: Prefix, address: Uint8Array): boolean {
  if (prefix.bytes.length !== address.length) return false;
  return prefix.bytes.every((byte, index) => {
    const mask = byteMask(prefix.length - index * 8);
    return (byte & mask) === ((address[index] ?? 0) & mask);
  });
}

/** The mask of a byte in which `bits` more bits belong to the prefix (fewer than 0: none, more than 8: all). */
function byteMask(bits: number): number {
  return (0xff << (8 - Math.min(8, Math.max(0, bits)))) & 0xff;
}
