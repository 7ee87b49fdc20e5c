/**
 * Which types may stand for each other: of a field that is read, and of a type that is asked for. Looser than `matches`:
 * kernels change sizes and signs, and programs ask for these too. Source: libbpf `src/relo_core.c`
 * (`bpf_core_fields_are_compat`, `__bpf_core_types_are_compat`).
 */
import type { Btf } from '../../btf/btf.js';
import { essentialName } from '../../btf/names.js';
import type { BtfType, TypeId } from '../../btf/types.js';
import { isEnum } from './access.js';

/** Two types of two sets of BTF: the object's, and the target's. */
export interface Pair {
  readonly local: Btf;
  readonly target: Btf;
}

/** As far as libbpf follows types into each other. */
const deepest = 32;

function sameKind(one: BtfType, other: BtfType): boolean {
  return one.kind === other.kind || (isEnum(one) && isEnum(other));
}

export function fieldsCompatible({ local, target }: Pair, localId: TypeId, targetId: TypeId): boolean {
  let [one, other] = [local.type(local.resolve(localId)), target.type(target.resolve(targetId))];
  for (let depth = 0; depth < deepest; depth++) {
    if (isComposite(one) && isComposite(other)) return true;
    if (!sameKind(one, other)) return false;
    switch (one.kind) {
      case 'pointer':
      case 'float':
        return true;
      case 'int':
        return noOldBitfields(one, other);
      case 'forward':
      case 'enum':
      case 'enum64': {
        const [name, otherName] = [essentialName(one.name), essentialName(other.name)];
        return name === '' || otherName === '' || name === otherName;
      }
      case 'array':
        if (other.kind !== 'array') return false;
        [one, other] = [local.type(local.resolve(one.type)), target.type(target.resolve(other.type))];
        break;
      default:
        return false;
    }
  }
  throw target.error(targetId, 'is nested too deeply');
}

/** Of two types whose names are the same. `known` keeps what was found, as prototypes may share parameters without end. */
export function typesCompatible(
  pair: Pair,
  localId: TypeId,
  targetId: TypeId,
  known: Map<string, boolean> = new Map(),
  depth = deepest,
): boolean {
  const { local, target } = pair;
  if (depth <= 0) throw target.error(targetId, 'is nested too deeply');
  // Typedefs lead to anything, but only a typedef stands for a typedef.
  if (!sameKind(local.type(localId), target.type(targetId))) return false;
  const [one, other] = [local.type(local.resolve(localId)), target.type(target.resolve(targetId))];
  if (!sameKind(one, other)) return false;
  const inner = (localInner: TypeId, targetInner: TypeId): boolean => {
    const [left, right] = [local.resolve(localInner), target.resolve(targetInner)];
    const key = `${left}:${right}`;
    const found = known.get(key) ?? typesCompatible(pair, left, right, known, depth - 1);
    known.set(key, found);
    return found;
  };
  switch (one.kind) {
    case 'void':
    case 'struct':
    case 'union':
    case 'enum':
    case 'enum64':
    case 'forward':
      return true;
    case 'int':
      return noOldBitfields(one, other);
    case 'pointer':
    case 'array':
      return 'type' in other && inner(one.type, other.type);
    case 'function-prototype':
      return (
        other.kind === 'function-prototype' &&
        one.parameters.length === other.parameters.length &&
        one.parameters.every(({ type }, index) => inner(type, other.parameters[index]?.type ?? 0)) &&
        inner(one.returns, other.returns)
      );
    default:
      return false;
  }
}

export function isComposite(type: BtfType): type is Extract<BtfType, { kind: 'struct' | 'union' }> {
  return type.kind === 'struct' || type.kind === 'union';
}

/** Compilers of long ago put a bitfield's offset into its integer. */
function noOldBitfields(one: BtfType, other: BtfType): boolean {
  return one.kind === 'int' && other.kind === 'int' && one.bitOffset === 0 && other.bitOffset === 0;
}
