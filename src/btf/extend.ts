/** More types and strings at the end of BTF, so that all that is there keeps its id and its offset. */
import type { Btf } from './btf.js';

/**
 * `strings` is appended as it is; `types` gives the words of the new records, from the offset at which `strings` then
 * begins. Ids go on at `btf.count`.
 */
export function extendBtf(
  btf: Btf,
  strings: string,
  types: (stringOffset: number) => readonly number[],
): { readonly bytes: Uint8Array; readonly stringOffset: number } {
  const littleEndian = btf.byteOrder === 'little';
  const view = new DataView(btf.bytes.buffer, btf.bytes.byteOffset, btf.bytes.length);
  // hdr_len 4, type_off 8, type_len 12, str_off 16, str_len 20
  const [headerLength, typeOffset, typeLength, stringStart, stringLength] = [4, 8, 12, 16, 20].map((at) =>
    view.getUint32(at, littleEndian),
  ) as [number, number, number, number, number];
  const words = types(stringLength);
  const addedStrings = new TextEncoder().encode(strings);
  const newTypeLength = typeLength + words.length * 4;
  const newStringLength = stringLength + addedStrings.length;
  const bytes = new Uint8Array(new ArrayBuffer(headerLength + newTypeLength + newStringLength));
  const out = new DataView(bytes.buffer);
  bytes.set(btf.bytes.subarray(0, headerLength));
  bytes.set(btf.bytes.subarray(headerLength + typeOffset, headerLength + typeOffset + typeLength), headerLength);
  words.forEach((word, index) => {
    out.setUint32(headerLength + typeLength + index * 4, word, littleEndian);
  });
  const stringsAt = headerLength + newTypeLength;
  bytes.set(btf.bytes.subarray(headerLength + stringStart, headerLength + stringStart + stringLength), stringsAt);
  bytes.set(addedStrings, stringsAt + stringLength);
  [0, newTypeLength, newTypeLength, newStringLength].forEach((value, index) => {
    out.setUint32(8 + index * 4, value, littleEndian);
  });
  return { bytes, stringOffset: stringLength };
}
