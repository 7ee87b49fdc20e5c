/** How C spells numbers, on 64-bit machines (LP64). */
import type { BtfType } from '../types.js';

type Int = Extract<BtfType, { kind: 'int' }>;
type Float = Extract<BtfType, { kind: 'float' }>;

const words = /^(?:(?:signed|unsigned|char|short|int|long|__int128|_Bool)(?: |$))+$/;
const bySize: ReadonlyMap<number, string> = new Map([
  [1, 'char'],
  [2, 'short int'],
  [4, 'int'],
  [8, 'long long int'],
  [16, '__int128'],
]);

/**
 * The C type of an integer: its own name where C knows it by that size, as gcc and clang write it. Names of other
 * languages (`usize`) and of 32-bit machines give way to a C type of the same size and sign. Undefined where C has none.
 */
export function intText({ name, size, signed, bool }: Int): string | undefined {
  if (words.test(name) && sizeOfWords(name) === size) return name;
  if (bool && size === 1) return '_Bool';
  const plain = bySize.get(size);
  return plain && `${signed ? 'signed' : 'unsigned'} ${plain}`;
}

/** No BPF machine has others than these two: of wider ones only the place is kept. */
export function floatText({ size }: Float): string | undefined {
  if (size === 4) return 'float';
  if (size === 8) return 'double';
  return size === 16 || size === 2 ? `unsigned ${bySize.get(size)}` : undefined;
}

function sizeOfWords(name: string): number {
  if (/char|_Bool/.test(name)) return 1;
  if (name.includes('short')) return 2;
  if (name.includes('__int128')) return 16;
  return name.includes('long') ? 8 : 4;
}
