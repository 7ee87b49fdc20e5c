/**
 * pcapng files: reader. Blocks of either byte order, several sections and interfaces, with every option as it stands.
 * Source: draft-ietf-opsawg-pcapng.
 */
import { Cursor } from '../bytes/cursor.js';

/** An option by its code, as it stands: the specification tells what each means. */
export interface PcapngOption {
  readonly code: number;
  readonly value: Uint8Array;
}

export interface PcapngInterface {
  /** 1 is Ethernet (the registry of link types). */
  readonly linkType: number;
  /** The most bytes that were captured of a packet; 0 for no limit. */
  readonly snapLength: number;
  readonly name: string | undefined;
  readonly options: readonly PcapngOption[];
}

export interface PcapngPacket {
  /** Among the interfaces of the whole file. */
  readonly interface: number;
  /** Nanoseconds since 1970; undefined where the file has no time. */
  readonly timestamp: bigint | undefined;
  /** As far as it was captured. */
  readonly data: Uint8Array;
  /** Bytes that it had. */
  readonly originalLength: number;
  readonly options: readonly PcapngOption[];
}

export interface Pcapng {
  /** Options of the section headers, one after the other. */
  readonly options: readonly PcapngOption[];
  readonly interfaces: readonly PcapngInterface[];
  readonly packets: readonly PcapngPacket[];
}

export const blockType = { section: 0x0a0d0d0a, interface: 1, packet: 2, simplePacket: 3, enhancedPacket: 6 } as const;
/** Options of an interface. */
export const interfaceOption = { name: 2, timeResolution: 9, timeOffset: 14 } as const;
export const byteOrderMagic = 0x1a2b3c4d;

/** Whether the bytes begin as a pcapng file does; no packet does. */
export function isPcapng(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) === blockType.section;
}

interface Interface extends PcapngInterface {
  readonly toNanoseconds: (units: bigint) => bigint;
}

/** Blocks of kinds that are not known are passed over, as the specification asks. Throws `FormatError`. */
export function readPcapng(bytes: Uint8Array, where: string): Pcapng {
  const found = { options: [] as PcapngOption[], interfaces: [] as Interface[], packets: [] as PcapngPacket[] };
  let littleEndian = true;
  let first = 0;
  if (!isPcapng(bytes)) throw new Cursor(bytes, where).error('no pcapng file: its section header is missing', 0);
  for (let at = 0; at < bytes.length; ) {
    const big = new Cursor(bytes, where, { littleEndian: false }).seek(at);
    if (big.u32() === blockType.section) {
      const magic = big.skip(4).u32();
      if (magic !== byteOrderMagic && magic !== 0x4d3c2b1a) throw big.error('a section without a byte order', at + 8);
      littleEndian = magic !== byteOrderMagic;
      first = found.interfaces.length;
    }
    const cursor = new Cursor(bytes, where, { littleEndian }).seek(at);
    const type = cursor.u32();
    const length = cursor.u32();
    if (length < 12 || length % 4 !== 0) throw cursor.error(`a block of ${length} bytes`, at);
    const body = cursor.window(at + 8, length - 12);
    if (
      cursor
        .seek(at)
        .skip(length - 4)
        .u32() !== length
    )
      throw cursor.error('the lengths of a block differ', at);
    readBlock(type, body, found, first);
    at += length;
  }
  const { options, packets } = found;
  return { options, packets, interfaces: found.interfaces.map(({ toNanoseconds, ...plain }) => plain) };
}

function readBlock(
  type: number,
  body: Cursor,
  { options, interfaces, packets }: { options: PcapngOption[]; interfaces: Interface[]; packets: PcapngPacket[] },
  first: number,
): void {
  const interfaceOf = (number: number): Interface => {
    const found = interfaces[first + number];
    if (found === undefined) throw body.error(`a packet of interface ${number}, which its section has not`);
    return found;
  };
  switch (type) {
    case blockType.section:
      // magic 0, version 4, section length 8
      body.seek(0).skip(16);
      options.push(...readOptions(body));
      return;
    case blockType.interface:
      interfaces.push(readInterface(body));
      return;
    case blockType.enhancedPacket:
    case blockType.packet: {
      // interface 0 (the older block: 16 bits, then those dropped), time 4, captured 12, original 16
      const number = type === blockType.packet ? body.u16() : body.u32();
      const { toNanoseconds } = interfaceOf(number);
      const high = BigInt(body.seek(0).skip(4).u32());
      const low = BigInt(body.u32());
      const captured = body.u32();
      const originalLength = body.u32();
      const data = body.take(captured);
      body.skip(-captured & 3);
      const timestamp = toNanoseconds((high << 32n) | low);
      packets.push({ interface: first + number, timestamp, data, originalLength, options: readOptions(body) });
      return;
    }
    case blockType.simplePacket: {
      const originalLength = body.u32();
      const { snapLength } = interfaceOf(0);
      const captured = Math.min(originalLength, snapLength || originalLength);
      const data = body.take(captured);
      packets.push({ interface: first, timestamp: undefined, data, originalLength, options: [] });
    }
  }
}

function readInterface(body: Cursor): Interface {
  const linkType = body.u16();
  const snapLength = body.skip(2).u32();
  const options = readOptions(body);
  const find = (code: number): Uint8Array | undefined => options.find((option) => option.code === code)?.value;
  const name = find(interfaceOption.name);
  const resolution = find(interfaceOption.timeResolution)?.[0] ?? 6;
  const offset = find(interfaceOption.timeOffset);
  const seconds = offset?.length === 8 ? new Cursor(offset, body.where, { littleEndian: body.littleEndian }).u64() : 0n;
  // The highest bit tells powers of two from powers of ten.
  const perSecond = resolution & 0x80 ? 2n ** BigInt(resolution & 0x7f) : 10n ** BigInt(resolution);
  return {
    linkType,
    snapLength,
    name: name && new TextDecoder().decode(name),
    options,
    toNanoseconds: (units) => (units * 1_000_000_000n) / perSecond + BigInt.asIntN(64, seconds) * 1_000_000_000n,
  };
}

/** To the end of the block, or the option that ends the list. */
function readOptions(body: Cursor): PcapngOption[] {
  const options: PcapngOption[] = [];
  while (body.remaining >= 4) {
    const code = body.u16();
    const length = body.u16();
    if (code === 0) break;
    const value = body.take(length);
    body.skip(-length & 3);
    options.push({ code, value });
  }
  return options;
}
