import { formatIp, parseIp } from '../../../packet/ip-address.js';
import { messageFlag, PayloadWriter, readAttributeMap } from '../message.js';
import type { NetlinkSocket } from '../socket.js';

/** Addresses of network devices. Source: Linux `include/uapi/linux/if_addr.h`, `net/ipv4/devinet.c`. */
const newAddress = 20;
const getAddress = 22;
const family = { 4: 2, 6: 10 } as const;
const attribute = { address: 1, local: 2, flags: 8 } as const;
const flag = { noDuplicateDetection: 0x02, duplicate: 0x08, tentative: 0x40 } as const;
const scopes: Readonly<Record<number, DeviceAddress['scope']>> = { 0: 'global', 200: 'site', 253: 'link', 254: 'host' };

export interface DeviceAddress {
  readonly ifindex: number;
  readonly version: 4 | 6;
  /** `10.11.1.1`, `fc00:dead:cafe:1::1`. */
  readonly address: string;
  readonly prefixLength: number;
  readonly scope: 'global' | 'site' | 'link' | 'host' | 'other';
  /** IPv6 duplicate detection has not ended: the address cannot be used yet. */
  readonly tentative: boolean;
  /** Duplicate detection found another owner: the address will not be used. */
  readonly duplicate: boolean;
}

/** All addresses of the namespace, or of one device. */
export function listAddresses(route: NetlinkSocket, ifindex?: number): DeviceAddress[] {
  const payload = new PayloadWriter().u32(0).u32(0).finish();
  const all = route.dump('list addresses', getAddress, payload).flatMap(({ payload }): DeviceAddress[] => {
    const addressFamily = payload.u8();
    const prefixLength = payload.u8();
    const shortFlags = payload.u8();
    const scope = scopes[payload.u8()] ?? 'other';
    const ifindex = payload.u32();
    if (addressFamily !== family[4] && addressFamily !== family[6]) return [];
    const attributes = readAttributeMap(payload);
    // On a point-to-point device `address` is the other side.
    const value = attributes.get(attribute.local) ?? attributes.get(attribute.address);
    if (!value) return [];
    const flags = attributes.get(attribute.flags)?.u32() ?? shortFlags;
    return [
      {
        ifindex,
        version: addressFamily === family[4] ? 4 : 6,
        address: formatIp(value.bytes),
        prefixLength,
        scope,
        tentative: (flags & flag.tentative) !== 0,
        duplicate: (flags & flag.duplicate) !== 0,
      },
    ];
  });
  return ifindex === undefined ? all : all.filter((each) => each.ifindex === ifindex);
}

export interface NewAddress {
  readonly ifindex: number;
  readonly address: string;
  readonly prefixLength: number;
  /** IPv6: usable at once, without the second that looking for a duplicate takes. */
  readonly skipDuplicateDetection?: boolean | undefined;
}

/** Adds an address; the kernel answers EEXIST where the device has it. */
export function addAddress(route: NetlinkSocket, { ifindex, address, prefixLength, ...options }: NewAddress): void {
  const bytes = parseIp(address);
  const flags = options.skipDuplicateDetection ? flag.noDuplicateDetection : 0;
  const payload = new PayloadWriter()
    .u8(bytes.length === 4 ? family[4] : family[6])
    .u8(prefixLength)
    .u8(flags)
    .u8(0)
    .u32(ifindex)
    .attribute(attribute.local, bytes)
    .attribute(attribute.address, bytes)
    .finish();
  route.request(`add address ${address}/${prefixLength} to network device ${ifindex}`, newAddress, payload, {
    flags: messageFlag.create | messageFlag.exclusive,
  });
}
