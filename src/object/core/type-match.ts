/**
 * Whether a type of the kernel has all that the object's type has (`bpf_core_type_matches`): its members by name and
 * kind, however deep, but behind pointers only names. Source: libbpf `src/relo_core.c` (`__bpf_core_types_match`).
 */
import { essentialName } from '../../btf/names.js';
import type { BtfType, TypeId } from '../../btf/types.js';
import { isEnum } from './access.js';
import { isComposite, type Pair } from './compatible.js';

const deepest = 32;

interface Search extends Pair {
  /** What was found, as structs may share members without end. */
  readonly known: Map<string, boolean>;
}

/** Of two types whose own names were compared before. */
export function typesMatch(pair: Pair, localId: TypeId, targetId: TypeId): boolean {
  return matches({ ...pair, known: new Map() }, localId, targetId, false, deepest);
}

function matches(search: Search, localId: TypeId, targetId: TypeId, behindPointer: boolean, depth: number): boolean {
  const { local, target, known } = search;
  if (depth <= 0) throw target.error(targetId, 'is nested too deeply');
  const [left, right] = [local.resolve(localId), target.resolve(targetId)];
  const key = `${left}:${right}:${behindPointer}`;
  const found = known.get(key) ?? matchResolved(search, local.type(left), target.type(right), behindPointer, depth);
  known.set(key, found);
  return found;
}

function matchResolved(search: Search, one: BtfType, other: BtfType, behindPointer: boolean, depth: number): boolean {
  if (essentialName(one.name) !== essentialName(other.name)) return false;
  const inner = (local: TypeId, target: TypeId, pointer: boolean) => matches(search, local, target, pointer, depth - 1);
  switch (one.kind) {
    case 'void':
      return other.kind === 'void';
    case 'forward':
      if (other.kind === 'forward') return one.union === other.union;
      return behindPointer && isComposite(other) && (other.kind === 'union') === one.union;
    case 'enum':
    case 'enum64':
      return isEnum(other) && enumeratorsMatch(one, other);
    case 'struct':
    case 'union':
      if (behindPointer) {
        return other.kind === one.kind || (other.kind === 'forward' && other.union === (one.kind === 'union'));
      }
      return (
        other.kind === one.kind &&
        one.members.length <= other.members.length &&
        one.members.every((member) =>
          other.members.some(
            ({ name, type }) =>
              essentialName(name) === essentialName(member.name) && inner(member.type, type, behindPointer),
          ),
        )
      );
    case 'int':
      return other.kind === 'int' && one.size === other.size && one.signed === other.signed;
    case 'pointer':
      return other.kind === 'pointer' && inner(one.type, other.type, true);
    case 'array':
      return other.kind === 'array' && one.length === other.length && inner(one.type, other.type, behindPointer);
    case 'function-prototype':
      return (
        other.kind === 'function-prototype' &&
        one.parameters.length === other.parameters.length &&
        one.parameters.every(({ type }, index) => inner(type, other.parameters[index]?.type ?? 0, behindPointer)) &&
        inner(one.returns, other.returns, behindPointer)
      );
    default:
      return false;
  }
}

type Enum = Extract<BtfType, { kind: 'enum' | 'enum64' }>;

/** By name: values may differ, and an enum64 may stand for an enum. */
function enumeratorsMatch(one: Enum, other: Enum): boolean {
  if (one.size !== other.size || one.values.length > other.values.length) return false;
  const names = new Set(other.values.map(({ name }) => essentialName(name)));
  return one.values.every(({ name }) => names.has(essentialName(name)));
}
