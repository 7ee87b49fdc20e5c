/**
 * pcapng files: writer, block by block or a whole file at once. Little-endian, times in nanoseconds; options are data, so
 * that a capture adds those that it has. Source: draft-ietf-opsawg-pcapng.
 */
import { blockType, byteOrderMagic, interfaceOption, type PcapngOption } from './pcapng.js';

export interface InterfaceToWrite {
  /** 1, Ethernet, unless given. */
  readonly linkType?: number;
  /** No limit unless given. */
  readonly snapLength?: number;
  readonly name?: string | undefined;
  readonly options?: readonly PcapngOption[];
}

export interface PacketToWrite {
  /** Among the section's interfaces; the first unless given. */
  readonly interface?: number;
  /** Nanoseconds since 1970; 0 unless given. */
  readonly timestamp?: bigint | undefined;
  readonly data: Uint8Array;
  /** Bytes that it had before it was cut. */
  readonly originalLength?: number;
  readonly options?: readonly PcapngOption[];
}

export interface PcapngToWrite {
  readonly options?: readonly PcapngOption[];
  readonly interfaces: readonly InterfaceToWrite[];
  readonly packets: readonly PacketToWrite[];
}

export function writePcapng({ options = [], interfaces, packets }: PcapngToWrite): Uint8Array {
  const blocks = [sectionBlock(options), ...interfaces.map(interfaceBlock), ...packets.map(packetBlock)];
  const bytes = new Uint8Array(blocks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const block of blocks) {
    bytes.set(block, at);
    at += block.length;
  }
  return bytes;
}

/** The first block of a file; its interfaces follow, then packets. */
export function sectionBlock(options: readonly PcapngOption[] = []): Uint8Array {
  // magic 0, version 1.0 4, the section's length 8: not known
  const fixed = new Uint8Array(16).fill(0xff, 8);
  const view = new DataView(fixed.buffer);
  view.setUint32(0, byteOrderMagic, true);
  view.setUint16(4, 1, true);
  view.setUint16(6, 0, true);
  return block(blockType.section, fixed, new Uint8Array(), options);
}

export function interfaceBlock({ linkType = 1, snapLength = 0, name, options = [] }: InterfaceToWrite): Uint8Array {
  const fixed = new Uint8Array(8);
  const view = new DataView(fixed.buffer);
  view.setUint16(0, linkType, true);
  view.setUint32(4, snapLength, true);
  const named = name === undefined ? [] : [{ code: interfaceOption.name, value: new TextEncoder().encode(name) }];
  const resolution = { code: interfaceOption.timeResolution, value: Uint8Array.of(9) };
  return block(blockType.interface, fixed, new Uint8Array(), [...named, resolution, ...options]);
}

export function packetBlock(packet: PacketToWrite): Uint8Array {
  const { data, timestamp = 0n, originalLength = data.length, options = [] } = packet;
  const fixed = new Uint8Array(20);
  const view = new DataView(fixed.buffer);
  view.setUint32(0, packet.interface ?? 0, true);
  view.setUint32(4, Number(BigInt.asUintN(32, timestamp >> 32n)), true);
  view.setUint32(8, Number(BigInt.asUintN(32, timestamp)), true);
  view.setUint32(12, data.length, true);
  view.setUint32(16, originalLength, true);
  return block(blockType.enhancedPacket, fixed, data, options);
}

const padded = (length: number): number => (length + 3) & ~3;

function block(type: number, fixed: Uint8Array, data: Uint8Array, options: readonly PcapngOption[]): Uint8Array {
  const optionsLength = options.reduce((sum, { value }) => sum + 4 + padded(value.length), 0);
  // An empty option ends the list, where there is one.
  const length = 12 + fixed.length + padded(data.length) + (options.length > 0 ? optionsLength + 4 : 0);
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, type, true);
  view.setUint32(4, length, true);
  bytes.set(fixed, 8);
  bytes.set(data, 8 + fixed.length);
  let at = 8 + fixed.length + padded(data.length);
  for (const { code, value } of options) {
    view.setUint16(at, code, true);
    view.setUint16(at + 2, value.length, true);
    bytes.set(value, at + 4);
    at += 4 + padded(value.length);
  }
  view.setUint32(length - 4, length, true);
  return bytes;
}
