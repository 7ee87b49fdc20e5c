import type { Cursor } from '../bytes/cursor.js';
import { formatMac, parseMac } from './mac-address.js';

/** EtherTypes (IEEE 802 numbers) by what they carry. */
export const etherType = { ipv4: 0x0800, arp: 0x0806, vlan: 0x8100, ipv6: 0x86dd, serviceVlan: 0x88a8 } as const;

export interface EthernetHeader {
  /** `02:00:00:00:00:01`. */
  readonly destination: string;
  readonly source: string;
  /** EtherType of the payload, behind any VLAN tags. */
  readonly type: number;
  /** VLAN ids from the outermost tag inwards. */
  readonly vlans?: readonly number[];
}

/** Reads an Ethernet II header and leaves the cursor at the payload. The cursor must be in network byte order. */
export function readEthernet(cursor: Cursor): EthernetHeader {
  const destination = formatMac(cursor.take(6));
  const source = formatMac(cursor.take(6));
  const vlans: number[] = [];
  let type = cursor.u16();
  while (type === etherType.vlan || type === etherType.serviceVlan) {
    vlans.push(cursor.u16() & 0xfff);
    type = cursor.u16();
  }
  return { destination, source, type, vlans };
}

/** A frame; the outer one of two VLAN tags is a service tag (IEEE 802.1ad). Not padded to Ethernet's least length. */
export function buildEthernet(header: EthernetHeader, payload: Uint8Array): Uint8Array {
  const { destination, source, type, vlans = [] } = header;
  const bytes = new Uint8Array(14 + 4 * vlans.length + payload.length);
  const view = new DataView(bytes.buffer);
  bytes.set(parseMac(destination), 0);
  bytes.set(parseMac(source), 6);
  let at = 12;
  for (const [index, vlan] of vlans.entries()) {
    view.setUint16(at, index < vlans.length - 1 ? etherType.serviceVlan : etherType.vlan);
    view.setUint16(at + 2, vlan);
    at += 4;
  }
  view.setUint16(at, type);
  bytes.set(payload, at + 2);
  return bytes;
}
