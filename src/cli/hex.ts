/** Bytes as hexadecimal digits in rows of sixteen, and what changed in them. */
import { comparePackets } from '../packet/difference.js';
import type { Output } from './output.js';

const rowLength = 16;

export function hexRows(bytes: Uint8Array): string[] {
  return Array.from({ length: Math.ceil(bytes.length / rowLength) }, (_, row) => {
    const from = row * rowLength;
    return rowText(from, rowLength, (at) => digits(bytes[at]));
  });
}

/** The rows in which `after` differs: as they were (`-`), and as they are (`+`). */
export function changedRows(before: Uint8Array, after: Uint8Array, { red, green }: Output['colors']): string[] {
  const { front, changes } = comparePackets(before, after);
  const changed = new Set(
    changes.flatMap(({ offset, after: bytes }) => Array.from(bytes, (_, index) => offset + index)),
  );
  const rows = new Set([...changed].map((at) => Math.floor(at / rowLength)));
  return [...rows].flatMap((row) => {
    const from = row * rowLength;
    const mark = (color: (text: string) => string, at: number, byte: number | undefined) =>
      changed.has(at) ? color(digits(byte)) : digits(byte);
    const length = Math.min(rowLength, after.length - from);
    return [
      `- ${rowText(from, length, (at) => mark(red, at, before[at - front]))}`,
      `+ ${rowText(from, length, (at) => mark(green, at, after[at]))}`,
    ];
  });
}

function rowText(from: number, length: number, byte: (at: number) => string): string {
  const bytes = Array.from({ length }, (_, index) => byte(from + index));
  return `${from.toString(16).padStart(4, '0')}  ${bytes.join(' ')}`.trimEnd();
}

/** Two blanks where there is no byte. */
function digits(byte: number | undefined): string {
  return byte?.toString(16).padStart(2, '0') ?? '  ';
}
