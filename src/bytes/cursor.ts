import { FormatError } from '../errors/error.js';

const utf8 = new TextDecoder();
/** Of a number below 2^53. */
const largestUpperHalf = 2 ** 21 - 1;

/**
 * A bounds-checked reader over a window of bytes that cannot be left: a read beyond the window throws a
 * `FormatError` that says what was asked and what exists. `base` is the window's offset in the whole file, so that
 * errors carry absolute offsets.
 */
export class Cursor {
  readonly bytes: Uint8Array;
  readonly where: string;
  readonly base: number;
  readonly littleEndian: boolean;
  offset = 0;
  readonly #view: DataView;

  constructor(bytes: Uint8Array, where: string, options: { littleEndian?: boolean; base?: number } = {}) {
    this.bytes = bytes;
    this.where = where;
    this.littleEndian = options.littleEndian ?? true;
    this.base = options.base ?? 0;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get length(): number {
    return this.bytes.length;
  }

  get remaining(): number {
    return this.bytes.length - this.offset;
  }

  /** An error at the present position, or at `offset` in this window. */
  error(problem: string, offset = this.offset): FormatError {
    return new FormatError(this.where, this.base + offset, problem);
  }

  seek(offset: number): this {
    if (offset < 0 || offset > this.bytes.length) {
      throw this.error(`position ${offset} asked for, ${this.bytes.length} bytes exist`, 0);
    }
    this.offset = offset;
    return this;
  }

  skip(length: number): this {
    this.#take(length);
    return this;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), this.littleEndian);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), this.littleEndian);
  }

  i32(): number {
    return this.#view.getInt32(this.#take(4), this.littleEndian);
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#take(8), this.littleEndian);
  }

  /** A 64-bit size or offset as a number; one beyond 2^53 cannot be meant and is refused. */
  size64(): number {
    const at = this.#take(8);
    const [low, high] = this.littleEndian ? [at, at + 4] : [at + 4, at];
    const upper = this.#view.getUint32(high, this.littleEndian);
    if (upper > largestUpperHalf) {
      const value = this.#view.getBigUint64(at, this.littleEndian);
      throw this.error(`size ${value} is beyond any file`, at);
    }
    return upper * 2 ** 32 + this.#view.getUint32(low, this.littleEndian);
  }

  /** A view of the next `length` bytes, not a copy. */
  take(length: number): Uint8Array {
    const at = this.#take(length);
    return this.bytes.subarray(at, at + length);
  }

  /** A view of `length` bytes from `offset` of this window; the present position stays. */
  part(offset: number, length: number): Uint8Array {
    if (offset < 0 || length < 0 || offset + length > this.bytes.length) {
      throw this.error(`${length} bytes from ${offset} asked for, ${this.bytes.length} exist`, Math.max(0, offset));
    }
    return this.bytes.subarray(offset, offset + length);
  }

  /** A reader over `length` bytes from `offset` of this window. */
  window(offset: number, length: number, where = this.where): Cursor {
    const options = { littleEndian: this.littleEndian, base: this.base + offset };
    return new Cursor(this.part(offset, length), where, options);
  }

  #take(length: number): number {
    const at = this.offset;
    if (length < 0 || length > this.bytes.length - at) {
      throw this.error(`${length} bytes asked for, ${this.bytes.length - at} left`);
    }
    this.offset = at + length;
    return at;
  }
}

/** The NUL-terminated string at `offset`; one without an end is refused. */
export function readCString(bytes: Uint8Array, offset: number, where: string): string {
  if (offset < 0 || offset >= bytes.length) {
    throw new FormatError(where, Math.max(0, offset), `string asked for, ${bytes.length} bytes exist`);
  }
  const end = bytes.indexOf(0, offset);
  if (end === -1) throw new FormatError(where, offset, 'string without an end');
  return utf8.decode(bytes.subarray(offset, end));
}
