import type { Cursor } from '../../bytes/cursor.js';
import { isErrno } from '../syscall-error.js';
import { findFamily, genericPayload, readGenericAttributes } from './generic.js';
import { NetlinkSocket } from './socket.js';

/** What a driver announces about XDP: generic netlink family `netdev`, kernel 6.3. Source: `include/uapi/linux/netdev.h`. */
const deviceGet = 1;
const attribute = { ifindex: 1, features: 3, zeroCopySegments: 4, rxMetadata: 5, xskFeatures: 6 } as const;

/** By bit, in the kernel's words. */
const features = ['basic', 'redirect', 'ndo_xmit', 'xsk_zerocopy', 'hw_offload', 'rx_sg', 'ndo_xmit_sg'] as const;
const rxMetadata = ['timestamp', 'hash', 'vlan_tag'] as const;
const xskFeatures = ['tx_timestamp', 'tx_checksum', 'tx_launch_time_fifo'] as const;

export type XdpFeature = (typeof features)[number];

export interface XdpFeatures {
  readonly features: readonly XdpFeature[];
  /** Most buffers of one packet in zero-copy AF_XDP; 1 where the driver does not say. */
  readonly zeroCopyMaxSegments: number;
  /** What a program can ask about a received packet (`bpf_xdp_metadata_rx_…`). */
  readonly rxMetadata: readonly (typeof rxMetadata)[number][];
  /** What AF_XDP can ask about a sent packet. */
  readonly xskFeatures: readonly (typeof xskFeatures)[number][];
}

/** The features of a device of the present network namespace; undefined where the kernel or the device lacks them. */
export function readXdpFeatures(ifindex: number): XdpFeatures | undefined {
  using generic = NetlinkSocket.open('generic');
  const family = findFamily(generic, 'netdev');
  if (family === undefined) return undefined;
  const payload = genericPayload(deviceGet).attributeU32(attribute.ifindex, ifindex).finish();
  try {
    const [message] = generic.request(`read XDP features of network device ${ifindex}`, family, payload);
    return message && readFeatures(readGenericAttributes(message));
  } catch (error) {
    if (isErrno(error, 'ENODEV', 'EOPNOTSUPP')) return undefined;
    throw error;
  }
}

/** The features of every device of the present namespace by ifindex; undefined where the kernel lacks the family. */
export function listXdpFeatures(): Map<number, XdpFeatures> | undefined {
  using generic = NetlinkSocket.open('generic');
  const family = findFamily(generic, 'netdev');
  if (family === undefined) return undefined;
  const messages = generic.dump('list XDP features', family, genericPayload(deviceGet).finish());
  return new Map(
    messages.map((message) => {
      const attributes = readGenericAttributes(message);
      return [attributes.get(attribute.ifindex)?.u32() ?? 0, readFeatures(attributes)];
    }),
  );
}

function readFeatures(attributes: Map<number, Cursor>): XdpFeatures {
  const bits = (type: number): bigint => {
    const value = attributes.get(type);
    return value ? value.u64() : 0n;
  };
  return {
    features: namesOf(features, bits(attribute.features)),
    zeroCopyMaxSegments: attributes.get(attribute.zeroCopySegments)?.u32() ?? 1,
    rxMetadata: namesOf(rxMetadata, bits(attribute.rxMetadata)),
    xskFeatures: namesOf(xskFeatures, bits(attribute.xskFeatures)),
  };
}

function namesOf<Name>(names: readonly Name[], bits: bigint): Name[] {
  return names.filter((_, bit) => (bits >> BigInt(bit)) & 1n);
}
