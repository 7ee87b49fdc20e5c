/** Types as C writes them. */
import type { BtfType, TypeId } from './types.js';

interface Types {
  type(id: TypeId): BtfType;
}

const deepest = 32;

/** `deepest` bounds chains that damaged BTF closes to a circle. */
export function typeName(types: Types, id: TypeId, steps = deepest): string {
  let declarator = '';
  let qualifiers = '';
  let at = id;
  for (let left = steps; left > 0; left--) {
    const type = types.type(at);
    switch (type.kind) {
      case 'pointer':
        declarator = qualifiers ? `*${qualifiers}${declarator}` : `*${declarator}`;
        qualifiers = '';
        break;
      case 'array':
        declarator = `${grouped(declarator)}[${type.length}]`;
        break;
      case 'function-prototype':
        return nameWith(
          typeName(types, type.returns, left - 1),
          `${grouped(declarator)}(${type.parameters.length ? '…' : ''})`,
        );
      case 'const':
      case 'volatile':
      case 'restrict':
        qualifiers = `${type.kind} ${qualifiers}`;
        break;
      case 'type-tag':
        break;
      default:
        return nameWith(`${qualifiers}${plainName(type)}`, declarator);
    }
    at = type.type;
  }
  return `type ${id}`;
}

/** A pointer to an array or a function is written in parentheses. */
function grouped(declarator: string): string {
  return declarator.startsWith('*') ? `(${declarator})` : declarator;
}

function nameWith(base: string, declarator: string): string {
  return declarator.startsWith('*') || declarator.startsWith('(') ? `${base} ${declarator}` : `${base}${declarator}`;
}

function plainName(type: BtfType): string {
  switch (type.kind) {
    case 'void':
      return 'void';
    case 'struct':
    case 'union':
    case 'enum':
      return `${type.kind} ${type.name || '{…}'}`;
    case 'enum64':
      return `enum ${type.name || '{…}'}`;
    case 'forward':
      return `${type.union ? 'union' : 'struct'} ${type.name}`;
    default:
      return type.name;
  }
}
