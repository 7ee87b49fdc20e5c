/** Which types there are, and what they are made of. */
import type { Btf } from './btf.js';
import type { BtfType, TypeId } from './types.js';

/** The ids that a type refers to. */
export function referencesOf(type: BtfType): readonly TypeId[] {
  switch (type.kind) {
    case 'struct':
    case 'union':
      return type.members.map((member) => member.type);
    case 'function-prototype':
      return [type.returns, ...type.parameters.map((parameter) => parameter.type)];
    case 'section':
      return type.variables.map((variable) => variable.type);
    case 'array':
      return [type.type, type.indexType];
    default:
      return 'type' in type ? [type.type] : [];
  }
}

/** These types and all that they refer to, behind pointers too, in the order of their ids. */
export function typesNeededBy(btf: Btf, ids: Iterable<TypeId>): TypeId[] {
  const needed = new Set<TypeId>();
  const left = [...ids];
  for (let id = left.pop(); id !== undefined; id = left.pop()) {
    if (id === 0 || needed.has(id)) continue;
    needed.add(id);
    left.push(...referencesOf(btf.type(id)));
  }
  return [...needed].sort((a, b) => a - b);
}

/** All but those of the base, which split BTF goes on with. */
export function ownTypes(btf: Btf): TypeId[] {
  const first = btf.base?.count ?? 1;
  return Array.from({ length: btf.count - first }, (_, index) => first + index);
}
