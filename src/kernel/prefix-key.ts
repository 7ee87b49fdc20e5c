/** `struct bpf_lpm_trie_key`: a length in bits in the host's order, then the address. */

import type { CodecSubject } from '../btf/codec.js';
import { hostIsLittleEndian } from '../bytes/byte-order.js';
import { XdpkitError } from '../errors/error.js';
import { type Prefix, parsePrefix } from '../packet/prefix.js';

const lengthSize = 4;

/** The key of `size` bytes that stands for `10.0.0.0/8`, or for an address alone. Errors: the subject's code. */
export function keyOfPrefix(text: string, size: number, subject: CodecSubject): Uint8Array {
  const { bytes, length } = parse(text, subject);
  if (bytes.length + lengthSize !== size) {
    throw new XdpkitError(
      subject.code,
      `${subject.name}: ${text}: the map's keys hold ${(size - lengthSize) * 8} bits, not ${bytes.length * 8}`,
    );
  }
  const key = new Uint8Array(size);
  new DataView(key.buffer).setUint32(0, length, hostIsLittleEndian);
  key.set(bytes, lengthSize);
  return key;
}

export function prefixOfKey(key: Uint8Array): Prefix {
  const view = new DataView(key.buffer, key.byteOffset, key.byteLength);
  return { bytes: key.slice(lengthSize), length: view.getUint32(0, hostIsLittleEndian) };
}

function parse(text: string, subject: CodecSubject): Prefix {
  try {
    return parsePrefix(text);
  } catch (cause) {
    if (!(cause instanceof XdpkitError)) throw cause;
    throw new XdpkitError(subject.code, `${subject.name}: ${cause.message}`, { cause });
  }
}
