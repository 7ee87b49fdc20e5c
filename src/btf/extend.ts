/** More types and strings at the end of BTF, so that all that is there keeps its id and its offset. */
import type { Btf } from './btf.js';
import { joinSections, sectionsOf, wordBytes } from './sections.js';

/**
 * `strings` is appended as it is; `types` gives the words of the new records, from the offset at which `strings` then
 * begins. Ids go on at `btf.count`.
 */
export function extendBtf(
  btf: Btf,
  strings: string,
  types: (stringOffset: number) => readonly number[],
): { readonly bytes: Uint8Array; readonly stringOffset: number } {
  const { byteOrder } = btf;
  const own = sectionsOf(btf);
  const stringOffset = own.strings.length;
  const added = { types: wordBytes(types(stringOffset), byteOrder), strings: new TextEncoder().encode(strings) };
  return { bytes: joinSections([own, added], byteOrder), stringOffset };
}
