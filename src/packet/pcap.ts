/** Reader of pcap files, as `tcpdump -w` writes them. Source: draft-ietf-opsawg-pcap. */
import { Cursor } from '../bytes/cursor.js';

const ethernet = 1;
/** By the first four bytes: whether numbers are little-endian. Of a kind each with microseconds and nanoseconds. */
const magics: ReadonlyMap<number, boolean> = new Map([
  [0xd4c3b2a1, true],
  [0x4d3cb2a1, true],
  [0xa1b2c3d4, false],
  [0xa1b23c4d, false],
]);

export function isPcap(bytes: Uint8Array): boolean {
  return byteOrderOf(bytes) !== undefined;
}

/** The packets of a file of Ethernet frames, each as far as it was captured. Throws `FormatError`. */
export function readPcap(bytes: Uint8Array, where: string): Uint8Array[] {
  const littleEndian = byteOrderOf(bytes);
  const cursor = new Cursor(bytes, where, { littleEndian: littleEndian ?? true });
  if (littleEndian === undefined) throw cursor.error('no pcap file: its magic number is missing', 0);
  // magic 0, version 4, two reserved words 8, the longest capture 16, link type 20
  cursor.seek(20);
  const linkType = cursor.u32() & 0xffff;
  if (linkType !== ethernet) throw cursor.error(`packets of link type ${linkType}, only Ethernet (1) is known`, 20);
  const packets: Uint8Array[] = [];
  while (cursor.remaining > 0) {
    // seconds 0, their fraction 4, bytes captured 8, bytes of the packet 12
    cursor.skip(8);
    const captured = cursor.u32();
    cursor.skip(4);
    packets.push(cursor.take(captured));
  }
  return packets;
}

function byteOrderOf(bytes: Uint8Array): boolean | undefined {
  if (bytes.length < 4) return undefined;
  return magics.get(new DataView(bytes.buffer, bytes.byteOffset).getUint32(0));
}
