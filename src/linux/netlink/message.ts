import { Cursor } from '../../bytes/cursor.js';

/**
 * Netlink's wire format: messages of a 16-byte header and a payload of attributes (length, type, value, padded to 4
 * bytes), which may nest. All numbers are in the machine's byte order, little on both machines that xdpkit knows.
 * Sources: `include/uapi/linux/netlink.h`, `lib/nlattr.c`, RFC 3549.
 */
export const messageType = { noop: 1, error: 2, done: 3 } as const;

export const messageFlag = {
  request: 0x1,
  multi: 0x2,
  ack: 0x4,
  dumpInterrupted: 0x10,
  /** Of requests that dump: NLM_F_ROOT | NLM_F_MATCH. */
  dump: 0x300,
  /** Of requests that make something. */
  exclusive: 0x200,
  create: 0x400,
  /** Of acknowledgements. */
  capped: 0x100,
  ackAttributes: 0x200,
} as const;

const headerLength = 16;
const attributeHeaderLength = 4;
const nestedFlag = 0x8000;
const typeMask = 0x3fff;

const align = (length: number): number => (length + 3) & ~3;

export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** Port id of the socket that asked. */
  readonly port: number;
  readonly payload: Cursor;
}

export interface Attribute {
  readonly type: number;
  /** The value alone, without header and padding. */
  readonly value: Cursor;
}

/** Writes a payload: fixed structs first, then attributes. Every method returns the writer. */
export class PayloadWriter {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  /** A copy of what has been written. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  u8(value: number): this {
    const at = this.#grow(1);
    this.#view.setUint8(at, value);
    return this;
  }

  u16(value: number): this {
    const at = this.#grow(2);
    this.#view.setUint16(at, value, true);
    return this;
  }

  u32(value: number): this {
    const at = this.#grow(4);
    this.#view.setUint32(at, value, true);
    return this;
  }

  i32(value: number): this {
    const at = this.#grow(4);
    this.#view.setInt32(at, value, true);
    return this;
  }

  bytes(value: Uint8Array): this {
    const at = this.#grow(value.length);
    this.#bytes.set(value, at);
    return this;
  }

  attribute(type: number, value: Uint8Array): this {
    return this.#attribute(type, () => this.bytes(value));
  }

  attributeU8(type: number, value: number): this {
    return this.#attribute(type, () => this.u8(value));
  }

  attributeU32(type: number, value: number): this {
    return this.#attribute(type, () => this.u32(value));
  }

  attributeI32(type: number, value: number): this {
    return this.#attribute(type, () => this.i32(value));
  }

  /** With the NUL that the kernel expects at the end. */
  attributeString(type: number, value: string): this {
    return this.attribute(type, Buffer.from(`${value}\0`));
  }

  /** An attribute that holds what `fill` writes; its length is put in afterwards. */
  nest(type: number, fill: (writer: this) => void): this {
    return this.#attribute(type | nestedFlag, () => fill(this));
  }

  #attribute(type: number, fill: () => void): this {
    const start = this.#grow(attributeHeaderLength);
    this.#view.setUint16(start + 2, type, true);
    fill();
    const length = this.#length - start;
    if (length > 0xffff)
      throw new RangeError(`netlink attribute ${type & typeMask}: ${length} bytes do not fit in 65535`);
    this.#view.setUint16(start, length, true);
    this.#grow(align(this.#length) - this.#length);
    return this;
  }

  /** Makes room for `length` zeroed bytes and gives their offset. `#bytes` and `#view` may be others afterwards. */
  #grow(length: number): number {
    const at = this.#length;
    this.#length += length;
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length));
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return at;
  }
}

/** A whole request: header and payload. */
export function encodeMessage(type: number, flags: number, sequence: number, payload: Uint8Array): Uint8Array {
  return new PayloadWriter()
    .u32(headerLength + payload.length)
    .u16(type)
    .u16(flags)
    .u32(sequence)
    .u32(0)
    .bytes(payload)
    .finish();
}

/** The messages of one datagram. Throws `FormatError` where one says to be longer than what was received. */
export function readMessages(datagram: Uint8Array, where = 'netlink answer'): NetlinkMessage[] {
  const cursor = new Cursor(datagram, where);
  const messages: NetlinkMessage[] = [];
  while (cursor.remaining > 0) {
    const start = cursor.offset;
    const length = cursor.u32();
    if (length < headerLength) throw cursor.error(`message of ${length} bytes, shorter than its header`, start);
    const header = { type: cursor.u16(), flags: cursor.u16(), sequence: cursor.u32(), port: cursor.u32() };
    messages.push({ ...header, payload: cursor.window(start + headerLength, length - headerLength) });
    cursor.seek(Math.min(start + align(length), cursor.length));
  }
  return messages;
}

/** The attributes from the cursor's position to the end of its window, in order. */
export function readAttributes(cursor: Cursor): Attribute[] {
  const attributes: Attribute[] = [];
  // Fewer than four bytes at the end are padding, as the kernel's own parser takes them.
  while (cursor.remaining >= attributeHeaderLength) {
    const start = cursor.offset;
    const length = cursor.u16();
    const type = cursor.u16() & typeMask;
    if (length < attributeHeaderLength) {
      throw cursor.error(`attribute ${type} of ${length} bytes, shorter than its header`, start);
    }
    attributes.push({ type, value: cursor.window(start + attributeHeaderLength, length - attributeHeaderLength) });
    cursor.seek(Math.min(start + align(length), cursor.length));
  }
  return attributes;
}

/** The attributes by type; of several with one type the last, as the kernel does it. */
export function readAttributeMap(cursor: Cursor): Map<number, Cursor> {
  return new Map(readAttributes(cursor).map(({ type, value }) => [type, value]));
}

/** The text of a string attribute, to its NUL or, where it has none, to its end. */
export function readText(value: Cursor): string {
  const bytes = value.take(value.remaining);
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end === -1 ? bytes : bytes.subarray(0, end));
}
