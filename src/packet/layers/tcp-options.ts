/** TCP options as words, in the order in which they stand: RFC 9293 3.2, RFC 7323, RFC 2018. */
import { XdpkitError } from '../../errors/error.js';
import { readBits, writeBits } from '../field.js';
import type { OptionWord } from '../layer.js';

interface OptionKind {
  readonly name: string;
  readonly kind: number;
  /** Widths of its numbers in bits; undefined for the two kinds that are a single byte. */
  readonly numbers: readonly number[] | undefined;
}

const kinds: readonly OptionKind[] = [
  { name: 'nop', kind: 1, numbers: undefined },
  { name: 'eol', kind: 0, numbers: undefined },
  { name: 'mss', kind: 2, numbers: [16] },
  { name: 'wscale', kind: 3, numbers: [8] },
  { name: 'sackok', kind: 4, numbers: [] },
  { name: 'timestamps', kind: 8, numbers: [32, 32] },
];

export const tcpOptionWords: readonly OptionWord[] = kinds.map((option) => ({
  name: option.name,
  takes: option.numbers?.map(() => 'N').join(':') || undefined,
  encode: (value) => encodeOption(option, value),
}));

function encodeOption({ name, kind, numbers }: OptionKind, value: string): Uint8Array {
  if (numbers === undefined) return Uint8Array.of(kind);
  const words = numbers.length === 0 ? [] : value.split(':');
  const given = words.map(Number);
  const fits = given.every((number, at) => Number.isInteger(number) && number >= 0 && number < 2 ** (numbers[at] ?? 0));
  if (given.length !== numbers.length || !fits || words.some((word) => word.trim() === '')) {
    throw new XdpkitError('USAGE', `"${value}" is no value of ${name}: it takes ${describe(numbers)}`);
  }
  const length = 2 + numbers.reduce((sum, width) => sum + width, 0) / 8;
  const bytes = new Uint8Array(length);
  bytes.set([kind, length]);
  let at = 16;
  for (const [index, width] of numbers.entries()) {
    writeBits(bytes, at, width, given[index] ?? 0);
    at += width;
  }
  return bytes;
}

function describe(numbers: readonly number[]): string {
  return numbers.map((width) => `0 to ${2 ** width - 1}`).join(', a colon, ');
}

/** `mss 1460 sackok`; undefined for bytes that are not exactly known options. */
export function formatTcpOptions(bytes: Uint8Array): string | undefined {
  const words: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const option = kinds.find(({ kind }) => kind === bytes[at]);
    if (option === undefined) return undefined;
    const { name, numbers } = option;
    if (numbers === undefined) {
      words.push(name);
      at += 1;
      continue;
    }
    const length = 2 + numbers.reduce((sum, width) => sum + width, 0) / 8;
    if (bytes[at + 1] !== length || at + length > bytes.length) return undefined;
    let bit = (at + 2) * 8;
    const values = numbers.map((width) => {
      bit += width;
      return readBits(bytes, bit - width, width);
    });
    words.push(values.length === 0 ? name : `${name} ${values.join(':')}`);
    at += length;
  }
  return words.join(' ');
}
