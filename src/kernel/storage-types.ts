/**
 * The least BTF that the kernel takes for a map of storage, whose key and value must have types: an `int`, and bytes.
 * Source: Linux `Documentation/bpf/btf.rst`.
 */
import { hostIsLittleEndian } from '../bytes/byte-order.js';

const headerSize = 24;
const strings = new TextEncoder().encode('\0int\0unsigned char\0');
const [intName, byteName] = [1, 5];
const [intKind, arrayKind] = [1 << 24, 3 << 24];
const signed = 1 << 24;

export const storageTypes = { int: 1, bytes: 3 } as const;

export function writeStorageTypes(valueSize: number): Uint8Array {
  const types = [
    [intName, intKind, 4, signed | 32],
    [byteName, intKind, 1, 8],
    // An array's element, index and length follow its header.
    [0, arrayKind, 0, 2, storageTypes.int, valueSize],
  ].flat();
  const bytes = new Uint8Array(headerSize + types.length * 4 + strings.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 0xeb9f, hostIsLittleEndian);
  view.setUint8(2, 1);
  const header = [headerSize, 0, types.length * 4, types.length * 4, strings.length];
  [...header, ...types].forEach((word, index) => {
    view.setUint32(4 + index * 4, word, hostIsLittleEndian);
  });
  bytes.set(strings, headerSize + types.length * 4);
  return bytes;
}
