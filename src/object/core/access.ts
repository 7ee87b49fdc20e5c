/**
 * The field or enumerator that a relocation names by its access string: `0:1:3` is member 3 of member 1 of what the
 * pointer points to. Source: Linux `Documentation/bpf/llvm_reloc.rst`, libbpf `src/relo_core.c`.
 */
import type { Btf } from '../../btf/btf.js';
import type { BtfType, TypeId } from '../../btf/types.js';
import type { CoreRelocation } from '../spec.js';
import type { RelocationKind } from './kinds.js';

/** A named member, by its struct and its index there, or an element of an array (or of what a pointer points to). */
export type Step =
  | { readonly kind: 'member'; readonly struct: TypeId; readonly index: number; readonly name: string }
  | { readonly kind: 'element'; readonly type: TypeId; readonly index: number };

export interface Access {
  readonly root: TypeId;
  /** What C code writes: anonymous structs and unions between are left out. Empty for types and enumerators. */
  readonly steps: readonly Step[];
  /** Of the field from the root's start. */
  readonly bitOffset: number;
  /** Index of the enumerator; 0 for all else. */
  readonly enumerator: number;
}

/** The depth that libbpf allows. */
const deepestAccess = 64;

/** Throws `FormatError` where the object's record does not fit its types. */
export function readAccess(btf: Btf, { type: root, accessString }: CoreRelocation, kind: RelocationKind): Access {
  const indexes = accessString.split(':');
  const problem = (words: string) =>
    btf.error(root, `(${btf.nameOf(root)}) is accessed by a CO-RE relocation as "${accessString}": ${words}`);
  if (!indexes.every((index) => /^\d{1,9}$/.test(index))) throw problem('no numbers between colons');
  if (indexes.length > deepestAccess) throw problem(`deeper than ${deepestAccess} levels`);
  const [first = 0, ...rest] = indexes.map(Number);
  const resolved = btf.resolve(root);
  switch (kind.of) {
    case 'type':
      if (accessString !== '0') throw problem('a type is asked for, not a field of it');
      return { root, steps: [], bitOffset: 0, enumerator: 0 };
    case 'enumerator': {
      const type = btf.type(resolved);
      if (!isEnum(type) || rest.length > 0) throw problem('an enumerator is asked for');
      if (first >= type.values.length) throw problem(`it has ${type.values.length} enumerators`);
      return { root, steps: [], bitOffset: 0, enumerator: first };
    }
    case 'field':
      return readField(btf, root, first, rest, problem);
  }
}

function readField(
  btf: Btf,
  root: TypeId,
  first: number,
  rest: readonly number[],
  problem: (words: string) => Error,
): Access {
  let at = btf.resolve(root);
  let bitOffset = first === 0 ? 0 : first * btf.sizeOf(at) * 8;
  const steps: Step[] = [{ kind: 'element', type: at, index: first }];
  for (const index of rest) {
    const type = btf.type(at);
    if (type.kind === 'struct' || type.kind === 'union') {
      const member = type.members[index];
      if (!member) throw problem(`${btf.nameOf(at)} has ${type.members.length} members`);
      if (member.name) steps.push({ kind: 'member', struct: at, index, name: member.name });
      bitOffset += member.bitOffset;
      at = btf.resolve(member.type);
    } else if (type.kind === 'array') {
      if (!hasElement(btf, steps[steps.length - 1], type.length, index)) {
        throw problem(`an array of ${type.length} has no element ${index}`);
      }
      at = btf.resolve(type.type);
      bitOffset += index * btf.sizeOf(at) * 8;
      steps.push({ kind: 'element', type: at, index });
    } else {
      throw problem(`${btf.nameOf(at)} has neither members nor elements`);
    }
  }
  return { root, steps, bitOffset, enumerator: 0 };
}

/** An array without a length that ends a struct has as many elements as its memory has. */
export function hasElement(btf: Btf, before: Step | undefined, length: number, index: number): boolean {
  if (index < length) return true;
  if (length > 0 || before?.kind !== 'member') return false;
  const struct = btf.type(before.struct);
  return 'members' in struct && before.index === struct.members.length - 1;
}

export function isEnum(type: BtfType): type is Extract<BtfType, { kind: 'enum' | 'enum64' }> {
  return type.kind === 'enum' || type.kind === 'enum64';
}
