/** Codecs of values without parts: integers, enums, floats, characters and bytes. */
import type { ErrorCode } from '../errors/codes.js';
import { XdpkitError } from '../errors/error.js';
import type { Codec } from './codec.js';
import { decodeText, encodeText } from './text.js';
import type { BtfType } from './types.js';

export function mismatch(path: string, code: ErrorCode, expected: string, value: unknown): XdpkitError {
  return new XdpkitError(code, `${path}: ${expected} is expected, not ${describe(value)}`);
}

function describe(value: unknown): string {
  if (value === null || value === undefined || typeof value === 'boolean') return String(value);
  if (typeof value === 'number' || typeof value === 'bigint') return `the number ${value}`;
  if (typeof value === 'string')
    return `the string ${JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value)}`;
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  return Array.isArray(value) ? `an array of ${value.length}` : `an object`;
}

export function integer(
  type: Extract<BtfType, { kind: 'int' }>,
  littleEndian: boolean,
  path: string,
  code: ErrorCode,
): Codec {
  if (type.bool && type.size === 1) return boolean(path, code);
  if (type.size === 1 || type.size === 2 || type.size === 4) {
    return smallInteger(type.size, type.signed, littleEndian, path, code);
  }
  return type.size === 8 ? integer64(type.signed, littleEndian, path, code) : byteArray(type.size, path, code);
}

function boolean(path: string, code: ErrorCode): Codec<boolean> {
  return {
    size: 1,
    decode: (view, offset) => view.getUint8(offset) !== 0,
    encode(view, offset, value) {
      if (typeof value !== 'boolean') throw mismatch(path, code, 'true or false', value);
      view.setUint8(offset, value ? 1 : 0);
    },
  };
}

export function smallInteger(
  size: 1 | 2 | 4,
  signed: boolean,
  littleEndian: boolean,
  path: string,
  code: ErrorCode,
): Codec<number> {
  const bits = size * 8;
  const least = signed ? -(2 ** (bits - 1)) : 0;
  const most = signed ? 2 ** (bits - 1) - 1 : 2 ** bits - 1;
  const check = (value: unknown): number => {
    const number = typeof value === 'bigint' ? Number(value) : value;
    if (typeof number !== 'number' || !Number.isInteger(number) || number < least || number > most) {
      throw mismatch(path, code, `a whole number from ${least} to ${most}`, value);
    }
    return number;
  };
  if (size === 1) {
    return {
      size,
      decode: signed ? (view, offset) => view.getInt8(offset) : (view, offset) => view.getUint8(offset),
      encode: (view, offset, value) => view.setInt8(offset, check(value)),
    };
  }
  if (size === 2) {
    return {
      size,
      decode: signed
        ? (view, offset) => view.getInt16(offset, littleEndian)
        : (view, offset) => view.getUint16(offset, littleEndian),
      encode: (view, offset, value) => view.setInt16(offset, check(value), littleEndian),
    };
  }
  return {
    size,
    decode: signed
      ? (view, offset) => view.getInt32(offset, littleEndian)
      : (view, offset) => view.getUint32(offset, littleEndian),
    encode: (view, offset, value) => view.setInt32(offset, check(value), littleEndian),
  };
}

export function checkWide(value: unknown, least: bigint, most: bigint, path: string, code: ErrorCode): bigint {
  const wide = typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : value;
  if (typeof wide !== 'bigint' || wide < least || wide > most) {
    const form = most > Number.MAX_SAFE_INTEGER ? ' (a bigint such as 5n)' : '';
    throw mismatch(path, code, `a whole number from ${least} to ${most}${form}`, value);
  }
  return wide;
}

export function integer64(signed: boolean, littleEndian: boolean, path: string, code: ErrorCode): Codec<bigint> {
  const least = signed ? -(1n << 63n) : 0n;
  const most = signed ? (1n << 63n) - 1n : (1n << 64n) - 1n;
  return {
    size: 8,
    decode: signed
      ? (view, offset) => view.getBigInt64(offset, littleEndian)
      : (view, offset) => view.getBigUint64(offset, littleEndian),
    encode: (view, offset, value) =>
      view.setBigUint64(offset, BigInt.asUintN(64, checkWide(value, least, most, path, code)), littleEndian),
  };
}

export function enumeration(
  type: Extract<BtfType, { kind: 'enum' | 'enum64' }>,
  littleEndian: boolean,
  path: string,
  code: ErrorCode,
): Codec {
  const plain =
    type.size === 1 || type.size === 2 || type.size === 4
      ? smallInteger(type.size, type.signed, littleEndian, path, code)
      : integer64(type.signed, littleEndian, path, code);
  return {
    ...plain,
    encode: (view, offset, value) => plain.encode(view, offset, valueOfEnumerator(type, value, path, code)),
  };
}

/** The number that an enumerator's name stands for; anything but a name is given back as it is. */
export function valueOfEnumerator(type: BtfType, value: unknown, path: string, code: ErrorCode): unknown {
  if (typeof value !== 'string' || (type.kind !== 'enum' && type.kind !== 'enum64')) return value;
  const named = type.values.find(({ name }) => name === value);
  if (named !== undefined) return named.value;
  throw mismatch(path, code, `a number or one of ${type.values.map(({ name }) => name).join(', ')}`, value);
}

export function float(size: number, littleEndian: boolean, path: string, code: ErrorCode): Codec {
  if (size !== 4 && size !== 8) return byteArray(size, path, code);
  const check = (value: unknown): number => {
    if (typeof value !== 'number') throw mismatch(path, code, 'a number', value);
    return value;
  };
  return size === 4
    ? {
        size,
        decode: (view, offset) => view.getFloat32(offset, littleEndian),
        encode: (view, offset, value) => view.setFloat32(offset, check(value), littleEndian),
      }
    : {
        size,
        decode: (view, offset) => view.getFloat64(offset, littleEndian),
        encode: (view, offset, value) => view.setFloat64(offset, check(value), littleEndian),
      };
}

export function bytesAt(view: DataView, offset: number, size: number): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset + offset, size);
}

export function byteArray(size: number, path: string, code: ErrorCode): Codec<Uint8Array> {
  return {
    size,
    decode: (view, offset) => bytesAt(view, offset, size).slice(),
    encode(view, offset, value) {
      const isBytes = value instanceof Uint8Array || Array.isArray(value);
      if (!isBytes || value.length !== size) throw mismatch(path, code, `an array of ${size} bytes`, value);
      for (const byte of value) {
        if (!Number.isInteger(byte) || byte < 0 || byte > 255) throw mismatch(path, code, 'a byte from 0 to 255', byte);
      }
      bytesAt(view, offset, size).set(value);
    },
  };
}

export function characters(size: number, path: string, code: ErrorCode): Codec<string> {
  return {
    size,
    decode(view, offset) {
      const bytes = bytesAt(view, offset, size);
      const end = bytes.indexOf(0);
      return decodeText(end === -1 ? bytes : bytes.subarray(0, end));
    },
    encode(view, offset, value) {
      const text = typeof value === 'string' ? encodeText(value) : undefined;
      if (text === undefined || text.length > size || text.includes(0)) {
        throw mismatch(path, code, `a string of at most ${size} bytes without NUL`, value);
      }
      const target = bytesAt(view, offset, size);
      target.fill(0);
      target.set(text);
    },
  };
}
