/** What bytes and network-order numbers mean to people: by their type, and the name of the field that holds them. */
import type { BtfValue } from '../btf/codec.js';
import type { ValueShape } from '../btf/shape.js';
import { hostIsLittleEndian } from '../bytes/byte-order.js';

export type Role = 'ip' | 'mac' | 'port';

const addressName = /addr|(^|[^a-z])[a-z]?ip([^a-z]|v[46]|$)|^(src|dst|source|dest|destination)$|gateway|next_?hop/i;
const macName = /mac|addr|eth|^h_(dest|source)$|^(src|dst|source|dest|destination|from|to)$/i;
const portName = /port|^(source|dest)$/i;

/**
 * `name` is the field's; undefined for a key or value as a whole, which is taken for what its type is mostly used for.
 * Numbers in the host's order are numbers, whatever they are called.
 */
export function roleOf(shape: ValueShape, name: string | undefined): Role | undefined {
  const named = (pattern: RegExp): boolean => name === undefined || pattern.test(name);
  if (shape.kind === 'integer') {
    if (!shape.networkOrder) return undefined;
    if (shape.size === 4 && named(addressName)) return 'ip';
    return shape.size === 2 && named(portName) ? 'port' : undefined;
  }
  if (shape.kind === 'bytes' && shape.size === 6 && named(macName)) return 'mac';
  if (addressSize(shape) === undefined) return undefined;
  return shape.kind === 'struct' || (name !== undefined && addressName.test(name)) ? 'ip' : undefined;
}

/** 4 or 16 for a shape that can hold an IP address in network order; undefined for others. */
export function addressSize(shape: ValueShape): 4 | 16 | undefined {
  switch (shape.kind) {
    case 'integer':
      return shape.networkOrder && shape.size === 4 ? 4 : undefined;
    case 'bytes':
      return shape.size === 4 || shape.size === 16 ? shape.size : undefined;
    case 'array':
      return shape.length === 4 && addressSize(shape.element) === 4 && shape.element.kind === 'integer'
        ? 16
        : undefined;
    case 'struct': {
      // The kernel's and libc's. in6_addr is a union of views of the same 16 bytes, the first of which are plain bytes.
      const size = /^in6?_addr$/.test(shape.name) ? addressSize(innermost(shape)) : undefined;
      return size === (shape.name === 'in_addr' ? 4 : 16) ? size : undefined;
    }
    default:
      return undefined;
  }
}

/** The bytes, in network order, of a value whose shape has an `addressSize`. */
export function addressBytes(shape: ValueShape, value: BtfValue): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return Uint8Array.from(value.flatMap((word) => [...bigEndian(Number(word))]));
  if (shape.kind !== 'struct') return bigEndian(Number(value));
  const [first] = shape.fields;
  if (first === undefined) throw new RangeError('an address without bytes');
  return addressBytes(first.shape, (value as Record<string, BtfValue>)[first.name] as BtfValue);
}

/** The value of a shape that has an `addressSize`, or of any 4-byte integer, that lies in memory as these bytes. */
export function addressValue(shape: ValueShape, bytes: Uint8Array): BtfValue {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (shape.kind === 'integer') return view.getUint32(0, !shape.networkOrder && hostIsLittleEndian);
  if (shape.kind === 'array') return [0, 4, 8, 12].map((at) => view.getUint32(at));
  const first = shape.kind === 'struct' ? shape.fields[0] : undefined;
  return first ? { [first.name]: addressValue(first.shape, bytes) } : bytes;
}

function innermost(shape: ValueShape): ValueShape {
  const first = shape.kind === 'struct' ? shape.fields[0] : undefined;
  return first ? innermost(first.shape) : shape;
}

function bigEndian(word: number): Uint8Array {
  return Uint8Array.of(word >>> 24, word >>> 16, word >>> 8, word);
}
