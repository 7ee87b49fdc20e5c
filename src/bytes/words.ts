import { hostIsLittleEndian } from './byte-order.js';
import type { Cursor } from './cursor.js';

/** The 32-bit numbers of a window, in the machine's own order: the bytes as they lie where they can be, or else a copy. */
export function wordsOf({ bytes, littleEndian }: Cursor): Uint32Array {
  const count = bytes.length >>> 2;
  if (littleEndian === hostIsLittleEndian && bytes.byteOffset % 4 === 0) {
    return new Uint32Array(bytes.buffer, bytes.byteOffset, count);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Uint32Array.from({ length: count }, (_, index) => view.getUint32(index * 4, littleEndian));
}
