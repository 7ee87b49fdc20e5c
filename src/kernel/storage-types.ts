/** The least BTF that the kernel takes for a map of storage, whose key and value must have types: an `int`, and bytes. */
import { writeBtf } from '../btf/write.js';
import { hostIsLittleEndian } from '../bytes/byte-order.js';

export const storageTypes = { int: 1, bytes: 3 } as const;

export function writeStorageTypes(valueSize: number): Uint8Array {
  const number = { kind: 'int', bitOffset: 0, char: false, bool: false } as const;
  return writeBtf(
    [
      { ...number, name: 'int', size: 4, bits: 32, signed: true },
      { ...number, name: 'unsigned char', size: 1, bits: 8, signed: false },
      { kind: 'array', name: '', type: 2, indexType: storageTypes.int, length: valueSize },
    ],
    { byteOrder: hostIsLittleEndian ? 'little' : 'big' },
  );
}
