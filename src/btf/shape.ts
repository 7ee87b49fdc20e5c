/**
 * What a codec's values look like, as plain data: for those who show values to people or read them from words. A shape
 * follows the codec of the same type (`compileCodec`), field by field.
 */
import { FormatError } from '../errors/error.js';
import type { Btf } from './btf.js';
import { arrayForm, type Composite, isNetworkOrder, sectionAsStruct } from './codec.js';
import type { BtfEnumerator, TypeId } from './types.js';

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
      /** The enum that they are of. */
      readonly enumeration?: TypeId;
    }
  | { readonly kind: 'boolean' }
  | { readonly kind: 'float' }
  | { readonly kind: 'text'; readonly size: number }
  | { readonly kind: 'bytes'; readonly size: number }
  | { readonly kind: 'array'; readonly length: number; readonly element: ValueShape }
  | {
      readonly kind: 'struct';
      /** Of its typedef, where the struct has none itself; empty where neither has one. */
      readonly name: string;
      /** Absent where no BTF has the struct. */
      readonly type?: TypeId;
      readonly fields: readonly FieldShape[];
    };

export interface FieldShape {
  readonly name: string;
  readonly shape: ValueShape;
}

const deepest = 32;
/** More fields than any struct of C has: damaged BTF may nest unnamed structs so that each doubles them. */
const mostFields = 1 << 16;

/** The shape of what `compileCodec` decodes. Throws FormatError where the BTF is not sound. */
export function shapeOf(btf: Btf, id: TypeId): ValueShape {
  return shapesOf(btf)(id);
}

/** As `shapeOf`, for many types of one BTF: the shape of a struct is made once, and shared by all that hold one. */
export function shapesOf(btf: Btf): (id: TypeId) => ValueShape {
  const reader = new ShapeReader(btf);
  return (id) => reader.shape(id, 0);
}

class ShapeReader {
  readonly #btf: Btf;
  readonly #structs = new Map<TypeId, ValueShape>();

  constructor(btf: Btf) {
    this.#btf = btf;
  }

  shape(id: TypeId, depth: number): ValueShape {
    const btf = this.#btf;
    if (depth > deepest) throw new FormatError('.BTF', 0, `type ${id} is nested more than ${deepest} deep`);
    const resolved = btf.resolve(id);
    const type = btf.type(resolved);
    switch (type.kind) {
      case 'int':
        if (type.bool && type.size === 1) return { kind: 'boolean' };
        return plainSizes.includes(type.size)
          ? integer(type.size, isNetworkOrder(btf, id))
          : { kind: 'bytes', size: type.size };
      case 'pointer':
        return { ...integer(8), pointer: true };
      case 'enum':
      case 'enum64':
        return { ...integer(type.size), enumerators: type.values, enumeration: resolved };
      case 'float':
        return type.size === 4 || type.size === 8 ? { kind: 'float' } : { kind: 'bytes', size: type.size };
      case 'array': {
        const form = arrayForm(btf, type);
        if (form !== 'elements') return { kind: form, size: type.length };
        return { kind: 'array', length: type.length, element: this.shape(type.type, depth + 1) };
      }
      case 'struct':
      case 'union':
      case 'section': {
        const known = this.#structs.get(resolved);
        if (known) return known;
        const name = type.name || typedefName(btf, id);
        const fields = this.#fields(type.kind === 'section' ? sectionAsStruct(btf, type) : type, depth);
        const shape: ValueShape = { kind: 'struct', name, type: resolved, fields };
        this.#structs.set(resolved, shape);
        return shape;
      }
      default:
        throw new FormatError('.BTF', 0, `type ${id} (${type.kind}) has no values`);
    }
  }

  #fields(type: Composite, depth: number): FieldShape[] {
    const btf = this.#btf;
    const fields: FieldShape[] = [];
    for (const { name, type: id, bitSize } of type.members) {
      if (fields.length > mostFields) throw new FormatError('.BTF', 0, `${type.kind} ${type.name} has too many fields`);
      const resolved = btf.resolve(id);
      const inner = btf.type(resolved);
      if (name === '') {
        const shape = inner.kind === 'struct' || inner.kind === 'union' ? this.shape(id, depth + 1) : undefined;
        if (shape?.kind === 'struct') for (const field of shape.fields) fields.push(field);
      } else if (bitSize === 0) {
        fields.push({ name, shape: this.shape(id, depth + 1) });
      } else if (inner.kind === 'int' && inner.bool) {
        fields.push({ name, shape: { kind: 'boolean' } });
      } else {
        const enums =
          inner.kind === 'enum' || inner.kind === 'enum64' ? { enumerators: inner.values, enumeration: resolved } : {};
        const size = 'size' in inner ? inner.size : 8;
        fields.push({ name, shape: { ...integer(size), bitfield: true, ...enums } });
      }
    }
    return fields;
  }
}

function typedefName(btf: Btf, id: TypeId): string {
  let name = '';
  for (let steps = 0, at = id; steps < deepest; steps++) {
    const type = btf.type(at);
    if (type.kind === 'typedef') name = type.name;
    else if (type.kind !== 'const' && type.kind !== 'volatile' && type.kind !== 'type-tag') break;
    at = type.type;
  }
  return name;
}

const plainSizes: readonly number[] = [1, 2, 4, 8];

/** The shape of what `plainCodec` decodes. */
export function plainShape(size: number): ValueShape {
  return plainSizes.includes(size) ? integer(size) : { kind: 'bytes', size };
}

type IntegerShape = Extract<ValueShape, { kind: 'integer' }>;

function integer(size: number, networkOrder = false): IntegerShape {
  return { kind: 'integer', size, networkOrder, bitfield: false, pointer: false, enumerators: [] };
}
