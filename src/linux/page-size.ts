import { readFileSync } from 'node:fs';
import { hostIsLittleEndian } from '../bytes/byte-order.js';

const pageSizeEntry = 6n;
let cached: number | undefined;

/** Bytes of a memory page, as the kernel tells every process in its auxiliary vector (AT_PAGESZ). */
export function pageSize(): number {
  cached ??= readPageSize(readFileSync('/proc/self/auxv'));
  return cached;
}

function readPageSize(vector: Uint8Array): number {
  const view = new DataView(vector.buffer, vector.byteOffset, vector.byteLength);
  for (let at = 0; at + 16 <= vector.length; at += 16) {
    if (view.getBigUint64(at, hostIsLittleEndian) === pageSizeEntry) {
      return Number(view.getBigUint64(at + 8, hostIsLittleEndian));
    }
  }
  return 4096;
}
