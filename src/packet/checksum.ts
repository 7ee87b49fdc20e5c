/**
 * The Internet checksum (RFC 1071) over `parts` one after the other; only the last may have an odd length. Bytes that
 * carry their right checksum give 0.
 */
export function internetChecksum(...parts: readonly Uint8Array[]): number {
  let sum = 0;
  for (const part of parts) {
    for (let at = 0; at < part.length; at += 2) sum += ((part[at] ?? 0) << 8) | (part[at + 1] ?? 0);
  }
  while (sum > 0xffff) sum = (sum % 0x1_0000) + Math.floor(sum / 0x1_0000);
  return ~sum & 0xffff;
}

/** The pseudo-header that UDP, TCP and ICMPv6 add to their checksum (RFC 9293 3.1, RFC 8200 8.1). */
export function pseudoHeader(
  source: Uint8Array,
  destination: Uint8Array,
  protocol: number,
  length: number,
): Uint8Array {
  const size = source.length;
  const bytes = new Uint8Array(size === 4 ? 12 : 40);
  bytes.set(source);
  bytes.set(destination, size);
  const view = new DataView(bytes.buffer);
  if (size === 4) {
    view.setUint8(9, protocol);
    view.setUint16(10, length);
  } else {
    view.setUint32(32, length);
    view.setUint8(39, protocol);
  }
  return bytes;
}
