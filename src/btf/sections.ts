/** What BTF is made of: a header, types, strings. Source: Linux `Documentation/bpf/btf.rst`, section 2. */
import type { Btf } from './btf.js';

export const headerSize = 24;
const magic = 0xeb9f;
const version = 1;

export interface BtfSections {
  readonly types: Uint8Array;
  readonly strings: Uint8Array;
}

/** Of split BTF its own. */
export function sectionsOf({ bytes, byteOrder }: Btf): BtfSections {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // hdr_len 4, type_off 8, type_len 12, str_off 16, str_len 20
  const word = (at: number): number => view.getUint32(at, byteOrder === 'little');
  const [start, typeOffset, typeLength, stringOffset, stringLength] = [word(4), word(8), word(12), word(16), word(20)];
  return {
    types: bytes.subarray(start + typeOffset, start + typeOffset + typeLength),
    strings: bytes.subarray(start + stringOffset, start + stringOffset + stringLength),
  };
}

/** The parts behind a header, types behind types and strings behind strings: a copy. */
export function joinSections(parts: readonly Partial<BtfSections>[], byteOrder: 'little' | 'big'): Uint8Array {
  const lengthOf = (name: keyof BtfSections) => parts.reduce((sum, part) => sum + (part[name]?.length ?? 0), 0);
  const [typeLength, stringLength] = [lengthOf('types'), lengthOf('strings')];
  const bytes = new Uint8Array(new ArrayBuffer(headerSize + typeLength + stringLength));
  const view = new DataView(bytes.buffer);
  const littleEndian = byteOrder === 'little';
  view.setUint16(0, magic, littleEndian);
  view.setUint8(2, version);
  [headerSize, 0, typeLength, typeLength, stringLength].forEach((word, index) => {
    view.setUint32(4 + index * 4, word, littleEndian);
  });
  let [typesAt, stringsAt] = [headerSize, headerSize + typeLength];
  for (const { types, strings } of parts) {
    if (types) bytes.set(types, typesAt);
    if (strings) bytes.set(strings, stringsAt);
    typesAt += types?.length ?? 0;
    stringsAt += strings?.length ?? 0;
  }
  return bytes;
}

/** All fields of types are words. */
export function wordBytes(words: readonly number[], byteOrder: 'little' | 'big'): Uint8Array {
  const view = new DataView(new ArrayBuffer(words.length * 4));
  const littleEndian = byteOrder === 'little';
  for (let at = 0; at < words.length; at++) view.setUint32(at * 4, words[at] as number, littleEndian);
  return new Uint8Array(view.buffer);
}
