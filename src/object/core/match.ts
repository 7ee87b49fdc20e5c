/** The same field, type or enumerator in a candidate. Source: libbpf `src/relo_core.c` (`bpf_core_spec_match`). */
import type { Btf } from '../../btf/btf.js';
import { essentialName } from '../../btf/names.js';
import type { BtfMember, TypeId } from '../../btf/types.js';
import { nearNames } from '../near-names.js';
import { type Access, hasElement, isEnum, type Step } from './access.js';
import { fieldsCompatible, isComposite, type Pair, typesCompatible } from './compatible.js';
import type { RelocationKind } from './kinds.js';
import { typesMatch } from './type-match.js';

/** `reason` continues a sentence that begins with the candidate: "has no member mtu (it has max_mtu)". */
export type Match = { readonly access: Access } | { readonly reason: string };

/** Throws `FormatError` for damaged or endlessly nested types. */
export function matchCandidate(pair: Pair, access: Access, candidate: TypeId, kind: RelocationKind): Match {
  switch (kind.of) {
    case 'type':
      return matchType(pair, access, candidate, kind.question === 'matches');
    case 'enumerator':
      return matchEnumerator(pair, access, candidate);
    case 'field':
      return matchField(pair, access, candidate);
  }
}

function matchType(pair: Pair, { root }: Access, candidate: TypeId, exactly: boolean): Match {
  const fits = exactly ? typesMatch(pair, root, candidate) : typesCompatible(pair, root, candidate);
  if (fits) return { access: { root: candidate, steps: [], bitOffset: 0, enumerator: 0 } };
  return { reason: exactly ? "differs from the object's" : "is of another kind than the object's" };
}

function matchEnumerator({ local, target }: Pair, { root, enumerator }: Access, candidate: TypeId): Match {
  const own = local.type(local.resolve(root));
  const name = isEnum(own) ? essentialName(own.values[enumerator]?.name ?? '') : '';
  const type = target.type(target.resolve(candidate));
  if (!isEnum(type)) return { reason: 'is no enum' };
  const index = type.values.findIndex((value) => essentialName(value.name) === name);
  if (index < 0) {
    const near = nearWords(
      name,
      type.values.map((value) => value.name),
    );
    return { reason: `has no enumerator ${name}${near}` };
  }
  return { access: { root: candidate, steps: [], bitOffset: 0, enumerator: index } };
}

function matchField(pair: Pair, access: Access, candidate: TypeId): Match {
  const { target } = pair;
  const steps: Step[] = [];
  let at = candidate;
  let bitOffset = 0;
  for (const step of access.steps) {
    if (step.kind === 'member') {
      const found = findMember(pair, step, at);
      if ('reason' in found) return found;
      steps.push(found.step);
      bitOffset += found.bitOffset;
      at = found.type;
      continue;
    }
    if (steps.length > 0) {
      const array = target.type(target.resolve(at));
      if (array.kind !== 'array') return { reason: `has no array in the place of ${pair.local.nameOf(step.type)}[]` };
      if (!hasElement(target, steps[steps.length - 1], array.length, step.index)) {
        return { reason: `has an array of ${array.length} without an element ${step.index}` };
      }
      at = array.type;
    }
    at = target.resolve(at);
    if (step.index > 0) bitOffset += step.index * target.sizeOf(at) * 8;
    steps.push({ kind: 'element', type: at, index: step.index });
  }
  return { access: { root: candidate, steps, bitOffset, enumerator: 0 } };
}

/** Structs without a name in one struct: more than any kernel's, and few enough to be searched one in another. */
const mostAnonymous = 1000;

interface Found {
  readonly step: Step;
  readonly bitOffset: number;
  readonly type: TypeId;
}

/** A member by name, in anonymous structs and unions too; the first of that name decides. */
function findMember(pair: Pair, wanted: Extract<Step, { kind: 'member' }>, within: TypeId): Found | { reason: string } {
  const { local, target } = pair;
  const struct = target.resolve(within);
  if (!isComposite(target.type(struct))) {
    return { reason: `has ${target.nameOf(within)} where ${wanted.name} would be a member` };
  }
  const own = local.type(wanted.struct);
  const ownMember = isComposite(own) ? own.members[wanted.index] : undefined;
  const found = searchMember(pair, wanted.name, struct, 0, new Set());
  if (!found || !ownMember) {
    return { reason: `has no member ${wanted.name}${nearWords(wanted.name, memberNames(target, struct))}` };
  }
  const { step, bitOffset, member } = found;
  if (!fieldsCompatible(pair, ownMember.type, member.type)) {
    const [theirs, ours] = [target.nameOf(member.type), local.nameOf(ownMember.type)];
    return { reason: `has ${wanted.name} as ${theirs}, which cannot be read as ${ours}` };
  }
  return { step, bitOffset, type: member.type };
}

/** " (it has __state)" */
function nearWords(wanted: string, names: Iterable<string>): string {
  const near = nearNames(wanted, names);
  return near.length === 0 ? '' : ` (it has ${near.join(', ')})`;
}

/** Those of anonymous structs and unions too. */
function memberNames(target: Btf, struct: TypeId): string[] {
  const names: string[] = [];
  const waiting = new Set([struct]);
  for (const id of waiting) {
    const type = target.type(id);
    if (!isComposite(type)) continue;
    for (const { name, type: member } of type.members) {
      if (name !== '') names.push(name);
      else if (waiting.size < mostAnonymous) waiting.add(target.resolve(member));
    }
  }
  return names;
}

function searchMember(
  pair: Pair,
  name: string,
  struct: TypeId,
  bitOffset: number,
  searched: Set<TypeId>,
): { step: Step; bitOffset: number; member: BtfMember } | undefined {
  const { target } = pair;
  // A struct without the member has it in no other place either; damaged types nest without end.
  if (searched.has(struct)) return undefined;
  searched.add(struct);
  if (searched.size > mostAnonymous) throw target.error(struct, 'is nested too deeply');
  const type = target.type(struct);
  if (!isComposite(type)) return undefined;
  for (const [index, member] of type.members.entries()) {
    const offset = bitOffset + member.bitOffset;
    if (member.name === name) return { step: { kind: 'member', struct, index, name }, bitOffset: offset, member };
    if (member.name !== '') continue;
    const found = searchMember(pair, name, target.resolve(member.type), offset, searched);
    if (found) return found;
  }
  return undefined;
}
