/** What externs are in the running kernel, as data that the linker writes into code. */
import { immediateKind } from '../asm/opcodes.js';
import { XdpkitError } from '../errors/error.js';
import type { ExternSpec, FunctionSpec, ObjectSpec, ProgramSpec } from './spec.js';

export type ResolvedExtern =
  /** A function or variable of the kernel by its id in the BTF of the kernel, or of one of its modules. */
  | { readonly kind: 'btf'; readonly id: number; readonly module: string | undefined }
  | { readonly kind: 'address'; readonly address: bigint }
  /**
   * Weak, and not there: its address is zero, and calling it is an error unless the call is dead code. `unknown` where it
   * may be there, and that could not be found out.
   */
  | { readonly kind: 'absent'; readonly reason: string; readonly unknown?: true };

export type ResolvedExterns = ReadonlyMap<string, ResolvedExtern>;

/** A place in linked code that takes the descriptor of a module's BTF. */
export interface ModuleReference {
  /** Instruction in the linked code. */
  readonly at: number;
  readonly module: string;
  /** A call takes an index into the array of descriptors, a 64-bit load the descriptor. */
  readonly call: boolean;
}

export interface UnresolvedExtern {
  readonly name: string;
  readonly kind: ExternSpec['kind'];
  /** Programs that refer to it. */
  readonly programs: readonly string[];
  /** What was looked at, and what was found there. */
  readonly reason: string;
}

/** The running kernel lacks what an object asks of it, or has it otherwise. */
export class ExternError extends XdpkitError {
  readonly unresolved: readonly UnresolvedExtern[];

  constructor(object: string, unresolved: readonly UnresolvedExtern[], hint?: string) {
    const parts = unresolved.map(({ name, kind, programs, reason }) => {
      const users = programs.length === 0 ? '' : ` (in ${programs.join(', ')})`;
      return `${externWords(kind)} ${name}${users}: ${reason}`;
    });
    super('EXTERN_UNRESOLVED', `${object} needs ${parts.join('; and ')}`, { hint });
    this.unresolved = unresolved;
  }

  override get details(): Readonly<Record<string, unknown>> {
    return { unresolved: this.unresolved };
  }
}

const words: Readonly<Record<ExternSpec['kind'], string>> = {
  setting: 'the setting',
  function: 'the kernel function',
  variable: 'the kernel variable',
  symbol: 'the kernel symbol',
  undeclared: 'the symbol',
};

function externWords(kind: ExternSpec['kind']): string {
  return words[kind];
}

/** What the linker writes for a 64-bit load: its source register and the two halves; the descriptor comes later. */
export function loadOf(resolved: ResolvedExtern): { source: number; low: number; high: number } {
  switch (resolved.kind) {
    case 'btf':
      return { source: immediateKind.btfId, low: resolved.id, high: 0 };
    case 'address': {
      const signed = (part: bigint) => Number(BigInt.asIntN(32, part));
      return {
        source: immediateKind.number,
        low: signed(resolved.address),
        high: signed(resolved.address >> 32n),
      };
    }
    case 'absent':
      return { source: immediateKind.number, low: 0, high: 0 };
  }
}

export function notResolved(spec: ObjectSpec, program: ProgramSpec, found: FunctionSpec, name: string): XdpkitError {
  const kind = spec.externs.find((each) => each.name === name)?.kind ?? 'undeclared';
  return new XdpkitError(
    'OBJECT_UNSUPPORTED',
    `Program ${program.name} of ${spec.name} refers in function ${found.name} to ${externWords(kind)} ${name}, which only the running kernel tells`,
    { hint: 'Load it, or give what the name stands for to linkProgram as `externs`.' },
  );
}
