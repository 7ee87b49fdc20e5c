/** Relocations in words. */
import type { Btf } from '../../btf/btf.js';
import { XdpkitError } from '../../errors/error.js';
import type { CoreRelocation, FunctionSpec, ObjectSpec, ProgramSpec } from '../spec.js';
import { type Access, isEnum } from './access.js';
import type { Candidate } from './candidates.js';
import type { RelocationKind } from './kinds.js';

/** What a relocation does, as C names it: "asks for the offset of struct sk_buff.dev", "asks whether enum x exists". */
export function question(btf: Btf, access: Access, kind: RelocationKind): string {
  return kind.words(subject(btf, access, kind));
}

function subject(btf: Btf, { root, steps, enumerator }: Access, kind: RelocationKind): string {
  const name = btf.nameOf(root);
  if (kind.of === 'enumerator') {
    const type = btf.type(btf.resolve(root));
    return `${isEnum(type) ? type.values[enumerator]?.name : ''} of ${name}`;
  }
  const path = steps.map((step, at) =>
    step.kind === 'member' ? `.${step.name}` : at === 0 && step.index === 0 ? '' : `[${step.index}]`,
  );
  return name + path.join('');
}

/** A candidate, told from its namesakes by its id. */
export function candidateName({ types, id }: Candidate): string {
  return `${types.nameOf(id)} (type ${id}${types.base ? ` of ${types.where}` : ''})`;
}

/** Where in the source the instruction comes from, in parentheses; empty where the object does not tell. */
function place(btf: Btf, found: FunctionSpec, at: number): string {
  const line = found.lines.findLast((each) => each.at <= at);
  if (!line) return '';
  const text = btf.string(line.lineOffset).trim();
  return ` (${btf.string(line.fileNameOffset)}:${line.lineColumn >>> 10}${text && `: \`${text}\``})`;
}

/** The error for a relocation that fits neither the object nor the target. `problem` is a sentence's end. */
export function relocationError(
  spec: ObjectSpec,
  program: ProgramSpec,
  found: FunctionSpec,
  relocation: CoreRelocation,
  asked: string,
  problem: string,
  hint?: string,
): XdpkitError {
  const where = spec.btf ? place(spec.btf, found, relocation.at) : '';
  const inFunction = found.name === program.name ? '' : ` of function ${found.name}`;
  return new XdpkitError(
    'CORE_RELOCATION',
    `Program ${program.name} of ${spec.name} cannot be relocated: instruction ${relocation.at}${inFunction}${where} ${asked}, but ${problem}`,
    { hint },
  );
}

/** The error for a relocation that wants the types of a kernel, where none were given. */
export function targetMissing(
  spec: ObjectSpec,
  program: ProgramSpec,
  found: FunctionSpec,
  relocation: CoreRelocation,
  asked: string,
): XdpkitError {
  const where = spec.btf ? place(spec.btf, found, relocation.at) : '';
  return new XdpkitError(
    'OBJECT_UNSUPPORTED',
    `Program ${program.name} of ${spec.name} depends on the kernel's types, and none were given: ` +
      `function ${found.name}, instruction ${relocation.at}${where} ${asked}`,
    { hint: "Give the kernel's BTF (/sys/kernel/btf/vmlinux) as the target." },
  );
}
