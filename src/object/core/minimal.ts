/**
 * A kernel's BTF cut down to what the relocations of some objects ask of it: some hundred bytes that are carried along
 * to kernels of that build which do not tell their types. Source: bpftool `src/gen.c` (`minimize_btf`).
 */
import type { Btf } from '../../btf/btf.js';
import type { BtfType, TypeId } from '../../btf/types.js';
import { writeBtf } from '../../btf/write.js';
import { functionsOf } from '../link.js';
import type { ObjectSpec } from '../spec.js';
import type { Access } from './access.js';
import type { RelocationTarget } from './candidates.js';
import { isComposite } from './compatible.js';
import { type Answered, relocate } from './relocate.js';

export interface MinimalBtf {
  readonly bytes: Uint8Array;
  readonly types: number;
  /** Of structs and unions. */
  readonly members: number;
  /** "program look asks for the kernel's id of struct sk_buff": ids are other ones here, so that these get wrong answers. */
  readonly idsAsked: readonly string[];
}

/**
 * All programs of the objects get the same code from it as from the whole, but for ids of types. Errors: those of
 * `linkProgram`.
 */
export function minimizeBtf(specs: readonly ObjectSpec[], target: RelocationTarget): MinimalBtf {
  const needed = new NeededTypes(target.btf);
  const idsAsked: string[] = [];
  for (const spec of specs) {
    for (const program of spec.programs) {
      const functions = functionsOf(spec, program).flatMap((index) => spec.functions[index] ?? []);
      relocate(spec, program, functions, target, (answered) => {
        needed.add(answered);
        const { kind, answers, words } = answered;
        if (kind.of === 'type' && kind.question === 'target-id' && answers.length > 0) {
          idsAsked.push(`program ${program.name} of ${spec.name} ${words()}`);
        }
      });
    }
  }
  const types = needed.types();
  const members = types.reduce((sum, type) => sum + (isComposite(type) ? type.members.length : 0), 0);
  return { bytes: writeBtf(types, { byteOrder: target.btf.byteOrder }), types: types.length, members, idsAsked };
}

/** By the id of a type, the members of it that are needed. */
type Members = Map<TypeId, Set<number>>;

class NeededTypes {
  /** Those of modules after the kernel's own. */
  readonly #needed: Map<Btf, Members>;
  /** Types of which all is needed that was looked for: an answer depends on what is behind pointers, or on all members. */
  readonly #followed = new Map<Btf, Set<string>>();

  constructor(target: Btf) {
    this.#needed = new Map([[target, new Map()]]);
  }

  /** That a field is missing takes no type to tell; that a type is another one does. */
  add({ kind, tried, answers }: Answered): void {
    switch (kind.of) {
      case 'field':
        for (const { types, access } of answers) this.#field(types, access);
        break;
      case 'enumerator':
        for (const { types, id } of answers) this.#type(types, id);
        break;
      case 'type':
        for (const { types, id } of tried) {
          if (kind.question === 'matches') this.#whole(types, id);
          else this.#pointedTo(types, id);
        }
        break;
    }
  }

  /** With new ids. */
  types(): BtfType[] {
    const kept = [...this.#needed].flatMap(([types, members]) =>
      [...members].sort(([left], [right]) => left - right).map(([id, indexes]) => ({ types, id, indexes })),
    );
    const ids = new Map<Btf, Map<TypeId, TypeId>>();
    kept.forEach(({ types, id }, index) => {
      ids.set(types, (ids.get(types) ?? new Map<TypeId, TypeId>()).set(id, index + 1));
    });
    // What only a pointer leads to is void.
    const moved = (types: Btf, id: TypeId): TypeId => ids.get(ownerOf(types, id))?.get(id) ?? 0;
    return kept.map(({ types, id, indexes }) => rewritten(types.type(id), indexes, (each) => moved(types, each)));
  }

  /** A type, and what it is made of without the members of structs and what is behind pointers. */
  #type(types: Btf, id: TypeId): void {
    const left = [id];
    for (let at = left.pop(); at !== undefined; at = left.pop()) {
      if (at !== 0 && this.#membersOf(types, at).isNew) left.push(...partsOf(types.type(at)));
    }
  }

  #membersOf(types: Btf, id: TypeId): { readonly indexes: Set<number>; readonly isNew: boolean } {
    const owner = ownerOf(types, id);
    const ofOwner = this.#needed.get(owner) ?? new Map<TypeId, Set<number>>();
    this.#needed.set(owner, ofOwner);
    const known = ofOwner.get(id);
    const indexes = known ?? new Set();
    ofOwner.set(id, indexes);
    return { indexes, isNew: known === undefined };
  }

  #member(types: Btf, struct: TypeId, index: number): TypeId {
    this.#type(types, struct);
    this.#membersOf(types, struct).indexes.add(index);
    const type = types.type(struct);
    const member = isComposite(type) ? type.members[index] : undefined;
    if (!member) throw types.error(struct, `has no member ${index}`);
    this.#type(types, member.type);
    return member.type;
  }

  #field(types: Btf, { root, steps }: Access): void {
    this.#type(types, root);
    let at = types.resolve(root);
    for (const step of steps) {
      if (step.kind === 'element') {
        at = step.type;
        continue;
      }
      for (const [struct, index] of wayTo(types, at, step.struct) ?? []) this.#member(types, struct, index);
      at = types.resolve(this.#member(types, step.struct, step.index));
    }
  }

  /** A type with all that pointers and functions in it refer to. */
  #pointedTo(types: Btf, id: TypeId): void {
    const left = [id];
    for (let at = left.pop(); at !== undefined; at = left.pop()) {
      if (at === 0 || this.#isFollowed(types, at, 'pointers')) continue;
      this.#type(types, at);
      const type = types.type(at);
      left.push(...(type.kind === 'pointer' ? [type.type] : partsOf(type)));
    }
  }

  /** A type with all its members, and of what is behind pointers the names. */
  #whole(types: Btf, id: TypeId): void {
    const left = [{ id, named: false }];
    for (let at = left.pop(); at !== undefined; at = left.pop()) {
      const { id, named } = at;
      if (id === 0 || this.#isFollowed(types, id, named ? 'names' : 'members')) continue;
      this.#type(types, id);
      const type = types.type(id);
      if (type.kind === 'pointer') left.push({ id: type.type, named: true });
      else if (!isComposite(type)) for (const part of partsOf(type)) left.push({ id: part, named });
      else if (!named) {
        for (const index of type.members.keys()) left.push({ id: this.#member(types, id, index), named });
      }
    }
  }

  #isFollowed(types: Btf, id: TypeId, how: string): boolean {
    const followed = this.#followed.get(types) ?? new Set();
    this.#followed.set(types, followed);
    const key = `${how} ${id}`;
    if (followed.has(key)) return true;
    followed.add(key);
    return false;
  }
}

/** A module's BTF goes on with the kernel's. */
function ownerOf(types: Btf, id: TypeId): Btf {
  return types.base !== undefined && id < types.base.count ? ownerOf(types.base, id) : types;
}

/** The types without which a type has no size. */
function partsOf(type: BtfType): readonly TypeId[] {
  switch (type.kind) {
    case 'typedef':
    case 'const':
    case 'volatile':
    case 'restrict':
    case 'type-tag':
      return [type.type];
    case 'array':
      return [type.type, type.indexType];
    case 'function-prototype':
      return [type.returns, ...type.parameters.map((parameter) => parameter.type)];
    default:
      return [];
  }
}

function rewritten(type: BtfType, members: ReadonlySet<number>, moved: (id: TypeId) => TypeId): BtfType {
  switch (type.kind) {
    case 'struct':
    case 'union':
      return {
        ...type,
        members: type.members.flatMap((each, at) => (members.has(at) ? [{ ...each, type: moved(each.type) }] : [])),
      };
    case 'array':
      return { ...type, type: moved(type.type), indexType: moved(type.indexType) };
    case 'function-prototype':
      return {
        ...type,
        returns: moved(type.returns),
        parameters: type.parameters.map((each) => ({ ...each, type: moved(each.type) })),
      };
    case 'pointer':
    case 'typedef':
    case 'const':
    case 'volatile':
    case 'restrict':
    case 'type-tag':
      return { ...type, type: moved(type.type) };
    default:
      return type;
  }
}

/** The members without names by which C reaches a struct inside of another, as pairs of struct and index. */
function wayTo(
  types: Btf,
  from: TypeId,
  wanted: TypeId,
  searched = new Set<TypeId>(),
): readonly (readonly [TypeId, number])[] | undefined {
  if (from === wanted) return [];
  const type = types.type(from);
  if (!isComposite(type) || searched.has(from)) return undefined;
  searched.add(from);
  for (const [index, member] of type.members.entries()) {
    if (member.name !== '') continue;
    const rest = wayTo(types, types.resolve(member.type), wanted, searched);
    if (rest) return [[from, index], ...rest];
  }
  return undefined;
}
