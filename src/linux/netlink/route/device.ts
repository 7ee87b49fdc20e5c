import type { Cursor } from '../../../bytes/cursor.js';
import { type NetlinkMessage, readAttributeMap, readText } from '../message.js';

/** Attribute numbers of a link: `include/uapi/linux/if_link.h`. */
export const linkAttribute = {
  address: 1,
  name: 3,
  mtu: 4,
  link: 5,
  master: 10,
  operationalState: 16,
  info: 18,
  netnsFd: 28,
  extensionMask: 29,
  txQueues: 31,
  rxQueues: 32,
  xdp: 43,
  alternativeName: 53,
} as const;

export const linkInfo = { kind: 1, data: 2 } as const;

const xdpAttribute = { attached: 2, id: 4, nativeId: 5, genericId: 6, offloadId: 7 } as const;

/** RFC 2863, section 3.1.14, in the kernel's numbering (`include/uapi/linux/if.h`). */
const operationalStates = ['unknown', 'not-present', 'down', 'lower-layer-down', 'testing', 'dormant', 'up'] as const;
export type OperationalState = (typeof operationalStates)[number];

export type XdpMode = 'native' | 'generic' | 'offload';

export interface DeviceXdp {
  /** How many places hold a program, as the kernel says it. */
  readonly attached: 'none' | XdpMode | 'several';
  readonly programs: readonly { readonly mode: XdpMode; readonly id: number }[];
}

export interface NetworkDevice {
  readonly index: number;
  readonly name: string;
  /** `veth`, `bridge`, `bond`, …; undefined for hardware and other devices without a kind. */
  readonly kind: string | undefined;
  readonly flags: {
    readonly up: boolean;
    readonly loopback: boolean;
    readonly promiscuous: boolean;
    readonly multicast: boolean;
    /** Up by the operational state. */
    readonly running: boolean;
    /** The layer below has a carrier. */
    readonly lowerUp: boolean;
  };
  readonly operationalState: OperationalState;
  /** Bytes. */
  readonly mtu: number;
  /** `02:00:00:00:00:01`; undefined where the device has none. */
  readonly address: string | undefined;
  /** ifindex of the bridge or bond that holds the device. */
  readonly master: number | undefined;
  /** ifindex of the veth peer or lower device; in that device's own namespace, which may be another one. */
  readonly linkIndex: number | undefined;
  readonly numRxQueues: number;
  readonly numTxQueues: number;
  readonly xdp: DeviceXdp;
}

/** Reads an RTM_NEWLINK message. */
export function readDevice({ payload }: NetlinkMessage): NetworkDevice {
  payload.skip(4);
  const index = payload.i32();
  const flags = payload.u32();
  payload.skip(4);
  const attributes = readAttributeMap(payload);
  const number = (type: number): number | undefined => attributes.get(type)?.u32();
  const name = attributes.get(linkAttribute.name);
  const info = attributes.get(linkAttribute.info);
  const kind = info && readAttributeMap(info).get(linkInfo.kind);
  const address = attributes.get(linkAttribute.address);
  return {
    index,
    name: name ? readText(name) : '',
    kind: kind && readText(kind),
    flags: {
      up: (flags & 0x1) !== 0,
      loopback: (flags & 0x8) !== 0,
      running: (flags & 0x40) !== 0,
      promiscuous: (flags & 0x100) !== 0,
      multicast: (flags & 0x1000) !== 0,
      lowerUp: (flags & 0x1_0000) !== 0,
    },
    operationalState: operationalStates[attributes.get(linkAttribute.operationalState)?.u8() ?? 0] ?? 'unknown',
    mtu: number(linkAttribute.mtu) ?? 0,
    address: address && address.length > 0 ? formatHardwareAddress(address.bytes) : undefined,
    master: number(linkAttribute.master),
    linkIndex: number(linkAttribute.link) || undefined,
    numRxQueues: number(linkAttribute.rxQueues) ?? 1,
    numTxQueues: number(linkAttribute.txQueues) ?? 1,
    xdp: readXdp(attributes.get(linkAttribute.xdp)),
  };
}

const attachments = ['none', 'native', 'generic', 'offload', 'several'] as const;

function readXdp(nested: Cursor | undefined): DeviceXdp {
  if (!nested) return { attached: 'none', programs: [] };
  const attributes = readAttributeMap(nested);
  const attached = attachments[attributes.get(xdpAttribute.attached)?.u8() ?? 0] ?? 'several';
  const places = [
    ['native', xdpAttribute.nativeId],
    ['generic', xdpAttribute.genericId],
    ['offload', xdpAttribute.offloadId],
  ] as const;
  const programs = places.flatMap(([mode, type]) => {
    const id = attributes.get(type)?.u32();
    return id ? [{ mode, id }] : [];
  });
  // Kernels before 4.19 give the one id without saying the mode twice.
  const only = attributes.get(xdpAttribute.id)?.u32();
  if (programs.length === 0 && only && attached !== 'none' && attached !== 'several') {
    return { attached, programs: [{ mode: attached, id: only }] };
  }
  return { attached, programs };
}

/** Any length: Ethernet's six bytes, IPoIB's twenty, a tunnel's four. */
function formatHardwareAddress(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':');
}
