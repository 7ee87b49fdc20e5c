/**
 * CO-RE: code compiled against the object's own idea of the kernel's types is fitted to the types of a target. Pure.
 * Source: Linux `Documentation/bpf/llvm_reloc.rst`, libbpf `src/relo_core.c` (`bpf_core_calc_relo_insn`).
 */
import type { Btf } from '../../btf/btf.js';
import { essentialName } from '../../btf/names.js';
import type { BtfKind, TypeId } from '../../btf/types.js';
import type { XdpkitError } from '../../errors/error.js';
import type { CoreRelocation, FunctionSpec, ObjectSpec, ProgramSpec } from '../spec.js';
import { type Access, readAccess } from './access.js';
import { type Candidate, type Candidates, findCandidates, type RelocationTarget } from './candidates.js';
import { isLocal, type RelocationKind, relocationKind } from './kinds.js';
import { matchCandidate } from './match.js';
import { type Code, patchInstruction, poisonInstruction } from './patch.js';
import { absent, type Value, valueFor } from './value.js';
import { candidateName, question, relocationError, targetMissing } from './words.js';

/** An instruction that the target cannot satisfy. It became an invalid call, which only dead code may hold. */
export interface UnresolvedRelocation {
  /** Instruction, from the function's start. */
  readonly at: number;
  /** "it asks for the offset of struct sk_buff.old, which vmlinux lacks: struct sk_buff (type 12) has no member old" */
  readonly problem: string;
  /** The type where there is none of its name and kind. */
  readonly missing?: MissingType;
}

export interface MissingType {
  readonly kind: BtfKind;
  readonly name: string;
}

export interface RelocatedFunction {
  readonly code: Uint8Array;
  readonly unresolved: readonly UnresolvedRelocation[];
}

/** What a relocation asked, and what there was to answer it. */
export interface Answered {
  readonly kind: RelocationKind;
  /** "asks for the offset of struct sk_buff.dev" */
  words(): string;
  /** All that were looked at. */
  readonly tried: readonly Candidate[];
  readonly answers: readonly AnsweringCandidate[];
}

/** Whether the functions ask for types that only a target has. */
export function needsTarget(functions: readonly FunctionSpec[]): boolean {
  return functions.some(({ coreRelocations }) =>
    coreRelocations.some(({ kind }) => {
      const known = relocationKind(kind);
      return !known || !isLocal(known);
    }),
  );
}

/**
 * The code of a program's functions for a target. A type of the object is the same type of the target throughout them.
 * Throws `XdpkitError` CORE_RELOCATION where candidates disagree or the code does not fit, OBJECT_UNSUPPORTED for what
 * is not known (and where a target is needed and absent), `FormatError` for damaged types and records.
 */
export function relocate(
  spec: ObjectSpec,
  program: ProgramSpec,
  functions: readonly FunctionSpec[],
  target: RelocationTarget | undefined,
  /** Is told of each relocation that a target answers. */
  listen?: (answered: Answered) => void,
): RelocatedFunction[] {
  const candidates = new Map<TypeId, Candidates>();
  return functions.map((found) => {
    if (found.coreRelocations.length === 0) return { code: found.code, unresolved: [] };
    const bytes = new Uint8Array(found.code);
    const code: Code = { view: new DataView(bytes.buffer), littleEndian: spec.byteOrder === 'little' };
    const unresolved: UnresolvedRelocation[] = [];
    for (const relocation of found.coreRelocations) {
      const asked = readQuestion(spec, program, found, relocation);
      const failed = isLocal(asked.kind)
        ? answerLocally(asked, code)
        : answerFrom(asked, code, target, candidates, listen);
      if (failed === undefined) continue;
      poisonInstruction(code, relocation.at);
      unresolved.push({ at: relocation.at, ...failed, problem: `it ${asked.words()}, ${failed.problem}` });
    }
    return { code: bytes, unresolved };
  });
}

interface Question {
  readonly local: Btf;
  readonly kind: RelocationKind;
  readonly access: Access;
  readonly at: number;
  /** The same for all relocations that ask the same. */
  readonly key: string;
  words(): string;
  refusal(problem: string, hint?: string): XdpkitError;
  missing(): XdpkitError;
}

function readQuestion(
  spec: ObjectSpec,
  program: ProgramSpec,
  found: FunctionSpec,
  relocation: CoreRelocation,
): Question {
  const { btf: local } = spec;
  const kind = relocationKind(relocation.kind);
  if (!kind || !local) {
    const number = `asks for an answer of kind ${relocation.kind}`;
    const problem = local ? 'no such kind is known' : 'the object has no BTF';
    throw relocationError(spec, program, found, relocation, number, problem);
  }
  const key = `${relocation.type}:${relocation.kind}:${relocation.accessString}`;
  const accesses = keptFor(accessesOf, local, () => new Map<string, Access>());
  const access = accesses.get(key) ?? readAccess(local, relocation, kind);
  accesses.set(key, access);
  const words = () => question(local, access, kind);
  return {
    local,
    kind,
    access,
    at: relocation.at,
    key,
    words,
    refusal: (problem, hint) => relocationError(spec, program, found, relocation, words(), problem, hint),
    missing: () => targetMissing(spec, program, found, relocation, words()),
  };
}

/**
 * The programs of an object ask the same over and over: what was found is kept as long as the types are. An answer
 * depends on the candidates that are left.
 */
const accessesOf = new WeakMap<Btf, Map<string, Access>>();
const answersOf = new WeakMap<object, WeakMap<Btf, Map<string, { readonly before: Value; readonly found: Agreed }>>>();

function keptFor<Source extends object, Kept>(all: WeakMap<Source, Kept>, source: Source, make: () => Kept): Kept {
  const kept = all.get(source) ?? make();
  all.set(source, kept);
  return kept;
}

function answerLocally(asked: Question, code: Code): undefined {
  const { local, at } = asked;
  const own = valueIn(asked, local, asked.access);
  const patched = patchInstruction(code, at, { local, target: local }, own, own);
  if (patched) throw asked.refusal('refused' in patched ? patched.refused : patched.impossible);
}

/** Why the target has no answer, where it has none. */
function answerFrom(
  asked: Question,
  code: Code,
  target: RelocationTarget | undefined,
  candidates: Map<TypeId, Candidates>,
  listen: ((answered: Answered) => void) | undefined,
): Omit<UnresolvedRelocation, 'at'> | undefined {
  if (!target) throw asked.missing();
  const { local, kind, access, at } = asked;
  const tried = candidates.get(access.root) ?? candidatesFor(asked, target);
  const answers = keptFor(
    keptFor(answersOf, tried.source, () => new WeakMap()),
    local,
    () => new Map(),
  );
  const key = `${asked.key}:${tried.list.map(keyOf)}`;
  const known = answers.get(key);
  const before = known?.before ?? valueIn(asked, local, access);
  const found = known?.found ?? agreedAnswer(asked, tried.list);
  answers.set(key, { before, found });
  listen?.({ kind, words: asked.words, tried: tried.list, answers: found.candidates });
  // Who failed one question answers no further one about the type, so that two kernel types are never mixed.
  candidates.set(access.root, found.answer ? { ...tried, list: found.candidates } : tried);
  const after = found.answer ?? (isSettledByAbsence(kind) ? absent : undefined);
  if (!after) {
    const reasons = found.reasons.join('; ') || tried.none;
    const { kind, name } = local.type(access.root);
    const missing = tried.list.length === 0 ? { missing: { kind, name } } : {};
    return { problem: `which ${target.btf.where} lacks: ${reasons}`, ...missing };
  }
  const types = found.candidates[0]?.types ?? target.btf;
  const patched = patchInstruction(code, at, { local, target: types }, before, after);
  if (!patched) return undefined;
  if ('refused' in patched) throw asked.refusal(patched.refused);
  return { problem: `and ${types.where} ${patched.impossible}` };
}

function candidatesFor({ local, access: { root }, refusal }: Question, target: RelocationTarget): Candidates {
  if (essentialName(local.type(root).name) === '') {
    throw refusal('a type without a name cannot be found in another kernel');
  }
  return findCandidates(local, root, target);
}

/** Modules' ids repeat, and their names do not. */
function keyOf({ types, id }: Candidate): string {
  return types.base ? `${id} ${types.where}` : `${id}`;
}

interface AnsweringCandidate extends Candidate {
  readonly access: Access;
}

interface Agreed {
  /** Undefined where no candidate has an answer. */
  readonly answer: Value | undefined;
  /** Those that have it. */
  readonly candidates: readonly AnsweringCandidate[];
  /** Why each other candidate has none. */
  readonly reasons: readonly string[];
}

/** What all candidates that have an answer answer. */
function agreedAnswer(asked: Question, tried: readonly Candidate[]): Agreed {
  const { local, kind, access, refusal } = asked;
  const candidates: AnsweringCandidate[] = [];
  const reasons: string[] = [];
  let first: { readonly candidate: AnsweringCandidate; readonly value: Value } | undefined;
  for (const candidate of tried) {
    const { types: target, id } = candidate;
    const match = matchCandidate({ local, target }, access, id, kind);
    if ('reason' in match) {
      reasons.push(`${candidateName(candidate)} ${match.reason}`);
      continue;
    }
    const { access: found } = match;
    const value = valueIn(asked, target, found);
    const answering = { ...candidate, access: found };
    first ??= { candidate: answering, value };
    const before = first.candidate;
    if (first.value.value !== value.value || before.access.bitOffset !== found.bitOffset) {
      const where = target.base?.where ?? target.where;
      const answers = `${candidateName(before)} answers ${saying(before.access, first.value)}, ${candidateName(candidate)} ${saying(found, value)}`;
      throw refusal(
        `the types of that name in ${where} disagree: ${answers}`,
        'Name a member in the program that only one of them has: the others are left out then.',
      );
    }
    candidates.push(answering);
  }
  return { answer: first?.value, candidates, reasons };
}

function saying({ bitOffset, steps }: Access, { value }: Value): string {
  return steps.length > 0 ? `${value} (bit ${bitOffset})` : `${value}`;
}

function valueIn({ kind, refusal }: Question, btf: Btf, access: Access): Value {
  const found = valueFor(btf, access, kind);
  if ('problem' in found) throw refusal(`in ${btf.where}, ${found.problem}`);
  return found;
}

/** Not being there is an answer to whether, how large and which type; a missing field has no offset. */
function isSettledByAbsence(kind: RelocationKind): boolean {
  return kind.of === 'type' || kind.question === 'exists';
}
