/** Asks the running kernel what externs stand for. Source: libbpf `src/libbpf.c` (`bpf_object__resolve_externs`). */
import { readFileSync } from 'node:fs';
import type { Btf } from '../btf/btf.js';
import { essentialName } from '../btf/names.js';
import type { BtfKind, TypeId } from '../btf/types.js';
import { XdpkitError } from '../errors/error.js';
import { effectiveCapabilities } from '../linux/capabilities.js';
import { type KernelSymbols, readKernelSymbols } from '../linux/kernel-symbols.js';
import { typesCompatible } from '../object/core/compatible.js';
import { ExternError, type ResolvedExtern, type UnresolvedExtern } from '../object/resolved-externs.js';
import type { ExternSpec, ObjectSpec } from '../object/spec.js';
import type { ModuleTypes } from './module-btf.js';

/** What there is to ask; each is read when the first extern needs it. */
export interface KernelAnswers {
  /** The running kernel's own types: ids of other ones would mean something else to it. */
  types(): Btf;
  readonly modules: Pick<ModuleTypes, 'list'>;
  symbols?(): KernelSymbols;
}

interface Problem {
  readonly kind: 'problem';
  readonly reason: string;
  readonly hint?: string;
  /** It is there, and not what was declared: no weak declaration makes that good. */
  readonly evenIfWeak?: boolean;
  /** It may be there, and that could not be found out. */
  readonly unknown?: true;
}

type Answer = ResolvedExtern | Problem;

/**
 * What each extern of `users` (names, with the programs that refer to them) stands for, but settings. Errors:
 * `EXTERN_UNRESOLVED` with a reason for each one that is not weak and not there.
 */
export function resolveExterns(
  spec: ObjectSpec,
  users: ReadonlyMap<string, readonly string[]>,
  answers: KernelAnswers,
): Map<string, ResolvedExtern> {
  const resolved = new Map<string, ResolvedExtern>();
  const unresolved: UnresolvedExtern[] = [];
  const hints: string[] = [];
  const symbols = once(answers.symbols ?? readKernelSymbols);
  for (const found of spec.externs) {
    const programs = users.get(found.name);
    if (found.kind === 'setting' || programs === undefined) continue;
    const answer = resolve(spec, found, answers, symbols);
    if (answer.kind !== 'problem') {
      resolved.set(found.name, answer);
    } else if (found.weak && !answer.evenIfWeak) {
      const { reason, unknown } = answer;
      resolved.set(found.name, { kind: 'absent', reason, ...(unknown && { unknown }) });
    } else {
      unresolved.push({ name: found.name, kind: found.kind, programs, reason: answer.reason });
      if (answer.hint !== undefined && !hints.includes(answer.hint)) hints.push(answer.hint);
    }
  }
  if (unresolved.length > 0) throw new ExternError(spec.name, unresolved, hints.join(' ') || undefined);
  return resolved;
}

function once<Value>(make: () => Value): () => Value {
  let made: { readonly value: Value } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

function resolve(spec: ObjectSpec, found: ExternSpec, answers: KernelAnswers, symbols: () => KernelSymbols): Answer {
  switch (found.kind) {
    case 'function':
      return withTypes(() => resolveTyped(spec, found, essentialName(found.name), answers));
    case 'variable':
      return withTypes(() => resolveTyped(spec, found, found.name, answers));
    case 'symbol':
      return resolveSymbol(found.name, symbols());
    case 'undeclared':
    case 'setting':
      return {
        kind: 'problem',
        reason: 'the object neither defines it nor declares it as the kernel’s (__ksym, __kconfig)',
        hint: 'Declare it with __ksym if it is the kernel’s; or link the object that defines it (bpftool gen object).',
      };
  }
}

/** A kernel that does not tell its types leaves all that is asked of them open. */
function withTypes(act: () => Answer): Answer {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof XdpkitError) || error.code !== 'UNSUPPORTED') throw error;
    const { message, hint } = error;
    return { kind: 'problem', reason: message, unknown: true, ...(hint !== undefined && { hint }) };
  }
}

interface Place {
  readonly btf: Btf;
  readonly id: TypeId;
  readonly module: string | undefined;
}

function resolveTyped(
  spec: ObjectSpec,
  { kind, type }: Extract<ExternSpec, { kind: 'function' | 'variable' }>,
  name: string,
  answers: KernelAnswers,
): Answer {
  const place = findInKernel(kind, name, answers);
  if ('reason' in place) return { kind: 'problem', ...place };
  const { btf, id, module } = place;
  const found = btf.type(id);
  const local = spec.btf;
  if (!local || (found.kind !== 'function' && found.kind !== 'variable')) {
    return { kind: 'problem', reason: 'its declaration has no type' };
  }
  const theirs = kind === 'variable' ? btf.resolve(found.type) : found.type;
  if (typesCompatible({ local, target: btf }, type, theirs)) return { kind: 'btf', id, module };
  return {
    kind: 'problem',
    reason: `${btf.where} has it as ${declared(btf, theirs)}, the object declares ${declared(local, type)}`,
    // A function that has changed is another one: programs declare both, weakly, by flavours.
    evenIfWeak: kind === 'variable',
  };
}

/** `int (struct xdp_md *, __u64)` */
function declared(btf: Btf, id: TypeId): string {
  const type = btf.type(id);
  if (type.kind !== 'function-prototype') return btf.nameOf(id);
  const parameters = type.parameters.map((parameter) => (parameter.type === 0 ? '…' : btf.nameOf(parameter.type)));
  return `${btf.nameOf(type.returns)} (${parameters.join(', ') || 'void'})`;
}

function findInKernel(
  kind: Extract<BtfKind, 'function' | 'variable'>,
  name: string,
  { types, modules }: KernelAnswers,
): Place | Pick<Problem, 'reason' | 'unknown'> {
  const kernel = types();
  const id = kernel.find(kind, name);
  if (id !== undefined) return { btf: kernel, id, module: undefined };
  const { modules: open, problem } = modules.list(kernel);
  for (const { name: module, btf } of open) {
    const own = btf.findOwn(kind, name);
    if (own !== undefined) return { btf, id: own, module };
  }
  const others =
    problem === undefined
      ? open.length === 0
        ? 'no module with types is loaded'
        : `nor has a module of the ${open.length} that are loaded`
      : `modules could not be looked at (${problem})`;
  const limits = kind === 'variable' ? ' (which lists few but those that each CPU has)' : '';
  const reason = `${kernel.where} has no ${kind} of that name${limits}, and ${others}`;
  return problem === undefined ? { reason } : { reason, unknown: true };
}

function resolveSymbol(name: string, symbols: KernelSymbols): Answer {
  const addresses = symbols.addresses(name);
  const [first] = addresses;
  if (first === undefined) return { kind: 'problem', reason: '/proc/kallsyms has no symbol of that name' };
  if (addresses.length > 1) {
    const list = addresses.map((address) => `0x${address.toString(16)}`).join(' and ');
    const reason = `/proc/kallsyms has several symbols of that name, at ${list}`;
    return { kind: 'problem', reason, evenIfWeak: true };
  }
  return first === 0n ? hiddenAddress() : { kind: 'address', address: first };
}

/** `kernel/kallsyms.c`, kallsyms_show_value. */
function hiddenAddress(): Answer {
  const restriction = readSetting('/proc/sys/kernel/kptr_restrict');
  const privileged = effectiveCapabilities().has('syslog');
  const reason = `/proc/kallsyms hides its address: kernel.kptr_restrict is ${restriction}`;
  return {
    kind: 'problem',
    unknown: true,
    reason: privileged ? reason : `${reason}, and the process lacks CAP_SYSLOG`,
    hint: privileged
      ? 'With 2 nobody sees addresses: sysctl kernel.kptr_restrict=1.'
      : 'Grant CAP_SYSLOG, or load as root.',
  };
}

function readSetting(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return 'unknown';
  }
}
