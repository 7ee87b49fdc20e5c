/** From a record's bytes to a `BtfType`. Source: Linux `Documentation/bpf/btf.rst`, section 2.2. */
import type {
  BtfEnumerator,
  BtfKind,
  BtfLinkage,
  BtfMember,
  BtfParameter,
  BtfSectionVariable,
  BtfType,
} from './types.js';

export interface Record {
  readonly kind: BtfKind;
  readonly name: string;
  readonly flag: boolean;
  /** Members, values, parameters; for functions their linkage. */
  readonly length: number;
  readonly sizeOrType: number;
  readonly view: DataView;
  /** Where the bytes after the header begin; the index has checked that they are all there. */
  readonly offset: number;
  readonly littleEndian: boolean;
}

interface Names {
  name(offset: number): string;
}

const linkages: readonly BtfLinkage[] = ['static', 'global', 'extern'];

export function decodeType(record: Record | undefined, names: Names): BtfType {
  if (!record) return { kind: 'void', name: '' };
  const { kind, name, flag, length, sizeOrType } = record;
  switch (kind) {
    case 'int': {
      const encoding = word(record, 0);
      return {
        kind,
        name,
        size: sizeOrType,
        bits: encoding & 0xff,
        bitOffset: (encoding >>> 16) & 0xff,
        signed: (encoding & (1 << 24)) !== 0,
        char: (encoding & (2 << 24)) !== 0,
        bool: (encoding & (4 << 24)) !== 0,
      };
    }
    case 'float':
      return { kind, name, size: sizeOrType };
    case 'pointer':
      return { kind, name: '', type: sizeOrType };
    case 'array':
      return { kind, name: '', type: word(record, 0), indexType: word(record, 4), length: word(record, 8) };
    case 'struct':
    case 'union':
      return { kind, name, size: sizeOrType, members: members(record, names) };
    case 'enum':
    case 'enum64':
      return { kind, name, size: sizeOrType, signed: flag, values: enumerators(record, names) };
    case 'forward':
      return { kind, name, union: flag };
    case 'typedef':
    case 'volatile':
    case 'const':
    case 'restrict':
    case 'type-tag':
      return { kind, name, type: sizeOrType };
    case 'function':
      return { kind, name, type: sizeOrType, linkage: linkages[length] ?? 'global' };
    case 'function-prototype':
      return { kind, name: '', returns: sizeOrType, parameters: parameters(record, names) };
    case 'variable':
      return { kind, name, type: sizeOrType, linkage: linkages[word(record, 0)] ?? 'global' };
    case 'section':
      return { kind, name, size: sizeOrType, variables: variables(record) };
    case 'declaration-tag':
      return { kind, name, type: sizeOrType, componentIndex: word(record, 0) | 0 };
    case 'void':
      return { kind, name: '' };
  }
}

function word(record: Record, at: number): number {
  return record.view.getUint32(record.offset + at, record.littleEndian);
}

function members(record: Record, names: Names): BtfMember[] {
  return Array.from({ length: record.length }, (_, index) => {
    const offset = word(record, index * 12 + 8);
    return {
      name: names.name(word(record, index * 12)),
      type: word(record, index * 12 + 4),
      // With the kind flag the upper byte is a bitfield's width.
      bitOffset: record.flag ? offset & 0xff_ffff : offset,
      bitSize: record.flag ? offset >>> 24 : 0,
    };
  });
}

function enumerators(record: Record, names: Names): BtfEnumerator[] {
  const wide = record.kind === 'enum64';
  const stride = wide ? 12 : 8;
  return Array.from({ length: record.length }, (_, index) => {
    const low = word(record, index * stride + 4);
    const high = wide ? word(record, index * stride + 8) : 0;
    const value = (BigInt(high) << 32n) | BigInt(low);
    return {
      name: names.name(word(record, index * stride)),
      value: record.flag ? BigInt.asIntN(wide ? 64 : 32, value) : value,
    };
  });
}

function parameters(record: Record, names: Names): BtfParameter[] {
  return Array.from({ length: record.length }, (_, index) => ({
    name: names.name(word(record, index * 8)),
    type: word(record, index * 8 + 4),
  }));
}

function variables(record: Record): BtfSectionVariable[] {
  return Array.from({ length: record.length }, (_, index) => ({
    type: word(record, index * 12),
    offset: word(record, index * 12 + 4),
    size: word(record, index * 12 + 8),
  }));
}
