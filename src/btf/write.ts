/** Writer of BTF: from plain types to the bytes that `readBtf` reads. Source: Linux `Documentation/bpf/btf.rst`. */
import { XdpkitError } from '../errors/error.js';
import type { Btf } from './btf.js';
import { kindNumbers } from './kinds.js';
import { joinSections, sectionsOf, wordBytes } from './sections.js';
import type { BtfLinkage, BtfType } from './types.js';

const mostParts = 0xffff;
const linkageNumbers: Readonly<Record<BtfLinkage, number>> = { static: 0, global: 1, extern: 2 };

export interface WriteBtfOptions {
  readonly byteOrder?: 'little' | 'big';
  /** What split BTF, as kernel modules have it, is to go on with: the first type then has the id `base.count`. */
  readonly base?: Btf;
}

/**
 * BTF of these types, of which the first has id 1, as `void` (id 0) is in every file without being written. A name that
 * occurs twice is kept once. Throws `XdpkitError` USAGE for a value that its field cannot hold.
 */
export function writeBtf(types: readonly BtfType[], { base, ...options }: WriteBtfOptions = {}): Uint8Array {
  const byteOrder = options.byteOrder ?? base?.byteOrder ?? 'little';
  const strings = new StringTable(base === undefined ? 0 : stringsLength(base));
  const words: number[] = [];
  for (const type of types) writeType(type, words, strings);
  return joinSections([{ types: wordBytes(words, byteOrder), strings: strings.bytes() }], byteOrder);
}

/** Of all strings up to the end of this BTF's, whose offsets go on with its base's. */
function stringsLength(btf: Btf): number {
  return sectionsOf(btf).strings.length + (btf.base === undefined ? 0 : stringsLength(btf.base));
}

/** Each string once; offset 0 is the empty one, which split BTF has from its base. */
class StringTable {
  readonly #start: number;
  readonly #offsets = new Map<string, number>([['', 0]]);
  readonly #parts: Uint8Array[];
  #length: number;

  constructor(start: number) {
    this.#start = start;
    this.#parts = start === 0 ? [Uint8Array.of(0)] : [];
    this.#length = start === 0 ? 1 : 0;
  }

  offset(text: string): number {
    const known = this.#offsets.get(text);
    if (known !== undefined) return known;
    if (text.includes('\0')) throw new XdpkitError('USAGE', `write BTF: the name ${JSON.stringify(text)} holds a NUL`);
    const part = new TextEncoder().encode(`${text}\0`);
    const offset = this.#start + this.#length;
    this.#offsets.set(text, offset);
    this.#parts.push(part);
    this.#length += part.length;
    return offset;
  }

  bytes(): Uint8Array {
    const all = new Uint8Array(this.#length);
    let at = 0;
    for (const part of this.#parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  }
}

function writeType(type: BtfType, words: number[], strings: StringTable): void {
  const put = (value: number, what: string, most = 0xffff_ffff): void => {
    if (!Number.isInteger(value) || value < 0 || value > most) {
      const name = type.name === '' ? '' : ` "${type.name}"`;
      throw new XdpkitError('USAGE', `write BTF: ${what} of ${type.kind}${name} is ${value}, not from 0 to ${most}`);
    }
    words.push(value);
  };
  const header = (parts: number, sizeOrType: number, flag = false): void => {
    if (parts > mostParts) put(parts, 'the number of parts', mostParts);
    words.push(strings.offset(type.name), ((flag ? 1 << 31 : 0) | (kindNumbers[type.kind] << 24) | parts) >>> 0);
    put(sizeOrType, 'the size or type');
  };
  switch (type.kind) {
    case 'void':
      throw new XdpkitError('USAGE', 'write BTF: void is in every file, as id 0; it cannot be written');
    case 'int': {
      header(0, type.size);
      put(type.bits, 'the number of bits', 0xff);
      put(type.bitOffset, 'the bit offset', 0xff);
      const encoding = (type.signed ? 1 : 0) | (type.char ? 2 : 0) | (type.bool ? 4 : 0);
      words.splice(-2, 2, ((encoding << 24) | (type.bitOffset << 16) | type.bits) >>> 0);
      break;
    }
    case 'float':
      header(0, type.size);
      break;
    case 'pointer':
    case 'typedef':
    case 'volatile':
    case 'const':
    case 'restrict':
    case 'type-tag':
      header(0, type.type);
      break;
    case 'array':
      header(0, 0);
      put(type.type, 'the element type');
      put(type.indexType, 'the index type');
      put(type.length, 'the length');
      break;
    case 'struct':
    case 'union': {
      const bitfields = type.members.some(({ bitSize }) => bitSize > 0);
      header(type.members.length, type.size, bitfields);
      for (const { name, type: id, bitOffset, bitSize } of type.members) {
        words.push(strings.offset(name));
        put(id, `the type of member "${name}"`);
        put(bitOffset, `the bit offset of member "${name}"`, bitfields ? 0xff_ffff : 0xffff_ffff);
        // With the kind flag the upper byte is a bitfield's width.
        put(bitSize, `the width of member "${name}"`, 0xff);
        words.splice(-2, 2, ((bitSize << 24) | bitOffset) >>> 0);
      }
      break;
    }
    case 'enum':
    case 'enum64':
      header(type.values.length, type.size, type.signed);
      for (const { name, value } of type.values) {
        words.push(strings.offset(name));
        const bits = type.kind === 'enum' ? 32 : 64;
        const held = type.signed ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value);
        if (held !== value) {
          throw new XdpkitError('USAGE', `write BTF: enumerator ${name} = ${value} does not fit into ${bits} bits`);
        }
        words.push(Number(BigInt.asUintN(32, value)));
        if (type.kind === 'enum64') words.push(Number(BigInt.asUintN(32, value >> 32n)));
      }
      break;
    case 'forward':
      header(0, 0, type.union);
      break;
    case 'function':
      header(linkageNumbers[type.linkage], type.type);
      break;
    case 'function-prototype':
      header(type.parameters.length, type.returns);
      for (const { name, type: id } of type.parameters) {
        words.push(strings.offset(name));
        put(id, `the type of parameter "${name}"`);
      }
      break;
    case 'variable':
      header(0, type.type);
      words.push(linkageNumbers[type.linkage]);
      break;
    case 'section':
      header(type.variables.length, type.size);
      for (const { type: id, offset, size } of type.variables) {
        put(id, 'a variable');
        put(offset, "a variable's offset");
        put(size, "a variable's size");
      }
      break;
    case 'declaration-tag':
      header(0, type.type);
      words.push(type.componentIndex >>> 0);
      break;
  }
}
