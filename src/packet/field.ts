/** What the headers of packets are made of: fields of so many bits, one behind the other. */
import { XdpkitError } from '../errors/error.js';
import { formatIp, parseIpv4, parseIpv6 } from './ip-address.js';
import { formatMac, parseMac } from './mac-address.js';

/** A number of at most 32 bits, or bytes in network order. */
export type FieldValue = number | Uint8Array;
export type FieldValues = ReadonlyMap<string, FieldValue>;

/** Where a layer stands, for values that follow from it. */
export interface Surroundings {
  readonly values: FieldValues;
  /** The layer's own bytes, its checksum zero; empty while they are not known yet. */
  readonly header: Uint8Array;
  readonly payload: Uint8Array;
  /** Names of the layer inside this one, and of the one inside that. */
  readonly next: string | undefined;
  readonly afterNext: string | undefined;
  /** The layers around this one, outermost first. */
  readonly outer: readonly { readonly name: string; readonly values: FieldValues }[];
}

export type FieldForm =
  | {
      readonly kind: 'number';
      /** Shown in hexadecimal. */
      readonly hex?: boolean;
      /** What one stands for, as 8 where a field counts units of eight bytes. */
      readonly scale?: number;
      readonly names?: (values: FieldValues) => Readonly<Record<string, number>>;
    }
  /** Names of bits, by the bit's number from the lowest. */
  | { readonly kind: 'flags'; readonly names: Readonly<Record<string, number>> }
  | { readonly kind: 'mac' | 'ip4' | 'ip6' }
  | { readonly kind: 'bytes' };

export interface Field {
  readonly name: string;
  /** Width. For bytes, how many bits of them there are by the fields before. */
  readonly bits: number | ((values: FieldValues) => number);
  readonly form: FieldForm;
  /** What it is where nobody says otherwise, and nothing follows from the surroundings. */
  readonly initial: FieldValue;
  readonly automatic?: (surroundings: Surroundings) => number;
  /** A checksum follows from the bytes themselves, all else being known; a length from how many there are. */
  readonly follows?: 'sum' | 'length';
  /** Whether the field is there, by those before it. */
  readonly when?: (values: FieldValues) => boolean;
  /** Part of the one-line text whatever it is. */
  readonly shown?: boolean;
}

export const numberOf = (values: FieldValues, name: string): number => {
  const value = values.get(name);
  return typeof value === 'number' ? value : 0;
};

export const bytesOf = (values: FieldValues, name: string): Uint8Array => {
  const value = values.get(name);
  return value instanceof Uint8Array ? value : new Uint8Array();
};

/** Bits from the highest of the first byte on; `width` is at most 32. */
export function readBits(bytes: Uint8Array, at: number, width: number): number {
  let value = 0;
  if (at % 8 === 0 && width % 8 === 0) {
    for (let index = at / 8; index < (at + width) / 8; index += 1) value = value * 256 + (bytes[index] ?? 0);
    return value;
  }
  for (let bit = at; bit < at + width; bit += 1) value = value * 2 + (((bytes[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1);
  return value;
}

export function writeBits(bytes: Uint8Array, at: number, width: number, value: number): void {
  for (let bit = at + width - 1, rest = value; bit >= at; bit -= 1, rest = Math.floor(rest / 2)) {
    const mask = 1 << (7 - (bit & 7));
    bytes[bit >> 3] = ((bytes[bit >> 3] ?? 0) & ~mask) | (rest % 2 === 1 ? mask : 0);
  }
}

export function sameValue(left: FieldValue, right: FieldValue): boolean {
  if (typeof left === 'number' || typeof right === 'number') return left === right;
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}

/** A value as people write it. */
export function formatValue({ form }: Field, value: FieldValue, values: FieldValues): string {
  if (value instanceof Uint8Array) {
    if (form.kind === 'mac') return formatMac(value);
    if (form.kind === 'ip4' || form.kind === 'ip6') return formatIp(value);
    return `0x${hexOf(value)}`;
  }
  if (form.kind === 'flags') return formatFlags(form.names, value);
  if (form.kind !== 'number') return String(value);
  const name = form.names && Object.entries(form.names(values)).find(([, number]) => number === value)?.[0];
  return name ?? (form.hex ? `0x${value.toString(16)}` : String(value * (form.scale ?? 1)));
}

function formatFlags(names: Readonly<Record<string, number>>, value: number): string {
  const set = Object.entries(names).filter(([, bit]) => Math.floor(value / 2 ** bit) % 2 === 1);
  const named = set.reduce((sum, [, bit]) => sum + 2 ** bit, 0);
  if (set.length === 0 || named !== value) return value === 0 ? 'none' : `0x${value.toString(16)}`;
  return set.map(([name]) => name).join(',');
}

/** The reverse of `formatValue`, which takes numbers for names too. Errors: `USAGE`, a sentence about the word only. */
export function parseValue(field: Field, word: string, values: FieldValues): FieldValue {
  const { form } = field;
  switch (form.kind) {
    case 'mac':
      return parseMac(word);
    case 'ip4':
      return parseIpv4(word);
    case 'ip6':
      return parseIpv6(word);
    case 'bytes':
      return parseHexBytes(word);
    case 'flags': {
      if (/^\d/.test(word)) return parseNumber(field, word, 1);
      const names = word === 'none' ? [] : word.split(/[,|]/);
      return names.reduce((sum, name, index) => {
        const bit = form.names[name];
        if (bit === undefined) throw refuse(`"${name}" is none of ${Object.keys(form.names).join(', ')}`);
        return names.indexOf(name) === index ? sum + 2 ** bit : sum;
      }, 0);
    }
    default: {
      const names = form.names?.(values) ?? {};
      if (Object.hasOwn(names, word)) return names[word] ?? 0;
      if (!/^\d/.test(word) && Object.keys(names).length > 0) {
        throw refuse(`"${word}" is no number and none of ${Object.keys(names).join(', ')}`);
      }
      return parseNumber(field, word, form.scale ?? 1);
    }
  }
}

function parseNumber({ name, bits }: Field, word: string, scale: number): number {
  if (!/^(0x[0-9a-f]+|\d+)$/i.test(word)) throw refuse(`"${word}" is no number`);
  const most = 2 ** (typeof bits === 'number' ? bits : 32) - 1;
  const value = Number(word) / scale;
  if (!Number.isInteger(value)) throw refuse(`${name} takes multiples of ${scale}`);
  if (value > most) throw refuse(`${name} takes 0 to ${most * scale}`);
  return value;
}

export function parseHexBytes(word: string): Uint8Array {
  const digits = word.replace(/^0x/i, '');
  if (!/^0x([0-9a-f]{2})*$/i.test(word)) throw refuse(`"${word}" is not 0x and two hexadecimal digits a byte`);
  return Uint8Array.from({ length: digits.length / 2 }, (_, at) =>
    Number.parseInt(digits.slice(at * 2, at * 2 + 2), 16),
  );
}

const hexDigits = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

export function hexOf(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += hexDigits[byte];
  return text;
}

function refuse(problem: string): XdpkitError {
  return new XdpkitError('USAGE', problem);
}
