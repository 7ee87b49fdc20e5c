/**
 * What a codec's values look like, as plain data: for those who show values to people or read them from words. A shape
 * follows the codec of the same type (`compileCodec`), field by field.
 */
import { FormatError } from '../errors/error.js';
import type { Btf } from './btf.js';
import { arrayForm, isNetworkOrder, sectionAsStruct } from './codec.js';
import type { BtfEnumerator, BtfType, TypeId } from './types.js';

export type ValueShape =
  | {
      readonly kind: 'integer';
      /** Bytes; of its type, for a bitfield. */
      readonly size: number;
      readonly networkOrder: boolean;
      readonly bitfield: boolean;
      readonly pointer: boolean;
      /** Empty but for enums. */
      readonly enumerators: readonly BtfEnumerator[];
    }
  | { readonly kind: 'boolean' }
  | { readonly kind: 'float' }
  | { readonly kind: 'text'; readonly size: number }
  | { readonly kind: 'bytes'; readonly size: number }
  | { readonly kind: 'array'; readonly length: number; readonly element: ValueShape }
  | { readonly kind: 'struct'; readonly name: string; readonly fields: readonly FieldShape[] };

export interface FieldShape {
  readonly name: string;
  readonly shape: ValueShape;
}

const deepest = 32;

/** The shape of what `compileCodec` decodes. Throws FormatError where the BTF is not sound. */
export function shapeOf(btf: Btf, id: TypeId, depth = 0): ValueShape {
  if (depth > deepest) throw new FormatError('.BTF', 0, `type ${id} is nested more than ${deepest} deep`);
  const type = btf.type(btf.resolve(id));
  switch (type.kind) {
    case 'int':
      if (type.bool && type.size === 1) return { kind: 'boolean' };
      return type.size > 8 ? { kind: 'bytes', size: type.size } : integer(type.size, isNetworkOrder(btf, id));
    case 'pointer':
      return { ...integer(8), pointer: true };
    case 'enum':
    case 'enum64':
      return { ...integer(type.size), enumerators: type.values };
    case 'float':
      return type.size === 4 || type.size === 8 ? { kind: 'float' } : { kind: 'bytes', size: type.size };
    case 'array': {
      const form = arrayForm(btf, type);
      if (form !== 'elements') return { kind: form, size: type.length };
      return { kind: 'array', length: type.length, element: shapeOf(btf, type.type, depth + 1) };
    }
    case 'struct':
    case 'union':
      return { kind: 'struct', name: type.name, fields: fieldsOf(btf, type, depth) };
    case 'section':
      return { kind: 'struct', name: type.name, fields: fieldsOf(btf, sectionAsStruct(btf, type), depth) };
    default:
      throw new FormatError('.BTF', 0, `type ${id} (${type.kind}) has no values`);
  }
}

/** The shape of what `plainCodec` decodes. */
export function plainShape(size: number): ValueShape {
  return [1, 2, 4, 8].includes(size) ? integer(size) : { kind: 'bytes', size };
}

type IntegerShape = Extract<ValueShape, { kind: 'integer' }>;

function integer(size: number, networkOrder = false): IntegerShape {
  return { kind: 'integer', size, networkOrder, bitfield: false, pointer: false, enumerators: [] };
}

function fieldsOf(btf: Btf, type: Extract<BtfType, { kind: 'struct' | 'union' }>, depth: number): FieldShape[] {
  return type.members.flatMap(({ name, type: id, bitSize }) => {
    const inner = btf.type(btf.resolve(id));
    if (name === '') return inner.kind === 'struct' || inner.kind === 'union' ? fieldsOf(btf, inner, depth + 1) : [];
    if (bitSize === 0) return [{ name, shape: shapeOf(btf, id, depth + 1) }];
    if (inner.kind === 'int' && inner.bool) return [{ name, shape: { kind: 'boolean' } }];
    const enumerators = inner.kind === 'enum' || inner.kind === 'enum64' ? inner.values : [];
    const size = 'size' in inner ? inner.size : 8;
    return [{ name, shape: { ...integer(size), bitfield: true, enumerators } }];
  });
}
