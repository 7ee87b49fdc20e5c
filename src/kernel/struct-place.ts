/** What stands at an offset of one of the kernel's structs, by its BTF. */
import type { Btf } from '../btf/btf.js';
import type { TypeId } from '../btf/types.js';

export interface StructPlace {
  /**
   * `queue_index`; `mem.type` for a struct in the struct, members of anonymous ones as if they were its own; `cb+8` for
   * bytes of an array that holds something else.
   */
  readonly name: string;
  /** The struct behind it, where it is a pointer to one. */
  readonly pointsTo: TypeId | undefined;
}

/**
 * The member that is exactly the `size` bytes at `offset` of a struct; undefined where there is none, as for a part of a
 * bit field. Of several (a union's) a pointer to a struct goes first, then the first one.
 */
export function memberAt(btf: Btf, struct: TypeId, offset: number, size: number): StructPlace | undefined {
  const found = [...membersAt(btf, struct, offset, size, 0)];
  return found.find(({ pointsTo }) => pointsTo !== undefined) ?? found[0];
}

/** Structs in structs in structs: the kernel's are not deeper. */
const deepest = 8;

function* membersAt(btf: Btf, struct: TypeId, offset: number, size: number, depth: number): Generator<StructPlace> {
  const type = btf.type(btf.resolve(struct));
  if ((type.kind !== 'struct' && type.kind !== 'union') || depth > deepest) return;
  for (const member of type.members) {
    const at = member.bitOffset / 8;
    if (member.bitSize > 0 || !Number.isInteger(at) || at > offset) continue;
    const id = btf.resolve(member.type);
    const inner = btf.type(id);
    if (inner.kind === 'struct' || inner.kind === 'union') {
      if (offset >= at + inner.size) continue;
      for (const place of membersAt(btf, id, offset - at, size, depth + 1)) {
        yield { ...place, name: member.name === '' ? place.name : `${member.name}.${place.name}` };
      }
    } else if (inner.kind === 'array') {
      const element = btf.sizeOf(inner.type);
      const index = (offset - at) / element;
      if (element === size && Number.isInteger(index) && index < inner.length) {
        yield { name: `${member.name}[${index}]`, pointsTo: structBehind(btf, inner.type) };
      } else if (element === 1 && offset + size <= at + inner.length) {
        yield { name: `${member.name}+${offset - at}`, pointsTo: undefined };
      }
    } else if (at === offset && inner.kind !== 'forward' && btf.sizeOf(id) === size) {
      yield { name: member.name, pointsTo: structBehind(btf, id) };
    }
  }
}

function structBehind(btf: Btf, id: TypeId): TypeId | undefined {
  const pointer = btf.type(btf.resolve(id));
  if (pointer.kind !== 'pointer') return undefined;
  const behind = btf.resolve(pointer.type);
  return btf.kind(behind) === 'struct' ? behind : undefined;
}
