/**
 * What a program's context becomes in this kernel. The verifier is asked, not guessed: a program that reads one field is
 * loaded, and the code that it made of the read is named by the kernel's own types.
 */

import type { AccessSize } from '../asm/assemble.js';
import { disassemble } from '../asm/disassemble.js';
import { assemble, exit, type Instruction, load, mov, store } from '../asm/index.js';
import { decodeInstructions } from '../asm/instruction.js';
import type { Btf } from '../btf/btf.js';
import type { TypeId } from '../btf/types.js';
import { hostIsLittleEndian } from '../bytes/byte-order.js';
import { XdpkitError } from '../errors/error.js';
import { isErrno } from '../linux/syscall-error.js';
import { type ContextTypes, contextTypes } from './context-types.js';
import { loadBareProgram } from './load-bare.js';
import { readProgramCode } from './program-code.js';
import { memberAt } from './struct-place.js';
import { readTargetBtf } from './target-btf.js';

/** One read from memory. */
export interface ContextStep {
  /** `xdp_rxq_info` */
  readonly struct: string;
  readonly member: string;
  /** Bytes, in the struct. */
  readonly offset: number;
  readonly size: number;
}

export interface ContextField {
  readonly name: string;
  /** Bytes, in the struct that programs see. */
  readonly offset: number;
  readonly size: number;
  /** Undefined where the verifier lets no program of the type read it. */
  readonly read:
    | {
        /** The reads from memory, each from where one before points to, as far as they have names. */
        readonly steps: readonly ContextStep[];
        /** Whether these reads are all that there is to it: no shift, no test, nothing unnamed. */
        readonly isPlain: boolean;
        /** All that the verifier made of it, in the kernel's syntax. */
        readonly code: readonly string[];
        /** The attach type that it takes, where not every program of the type may. */
        readonly attachType: string | undefined;
      }
    | undefined;
  readonly writable: boolean;
}

export interface ContextLayout {
  /** The program type, `xdp`. */
  readonly type: string;
  readonly seen: string;
  readonly real: string;
  readonly fields: readonly ContextField[];
}

/** Errors: `USAGE` for a type without such a context, `NOT_PERMITTED`, `UNSUPPORTED` where the kernel lacks types. */
export function readContextLayout(type: string, btf = readTargetBtf(undefined)): ContextLayout {
  const types = contextTypes[type];
  if (types === undefined) {
    throw new XdpkitError('USAGE', `programs of type "${type}" have no context that the verifier rewrites`, {
      hint: `Types that have one: ${Object.keys(contextTypes).join(', ')}.`,
    });
  }
  const real = btf.find('struct', types.real);
  const fields = [...seenFields(btf, types.seen)].map(({ name, offset, size }): ContextField => {
    const read = readField(btf, { type, types, real, offset, size });
    return { name, offset, size, read, writable: isTaken(type, types, offset, size) };
  });
  return { type, seen: types.seen, real: types.real, fields };
}

const accessBySize: Readonly<Record<number, AccessSize>> = { 1: 'byte', 2: 'half', 4: 'word', 8: 'double' };

interface Field {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
}

/** Of an array its first element; the pointers of `__bpf_md_ptr` stand in unnamed unions. */
function* seenFields(btf: Btf, struct: string): Generator<Field> {
  const id = btf.find('struct', struct);
  const type = id === undefined ? undefined : btf.type(id);
  if (type?.kind !== 'struct') {
    throw new XdpkitError('UNSUPPORTED', `the running kernel's types have no struct ${struct}`);
  }
  for (const { name, type: of, bitOffset, bitSize } of type.members) {
    const inner = btf.type(btf.resolve(of));
    const first = name === '' && inner.kind === 'union' ? inner.members[0] : undefined;
    const element = inner.kind === 'array' ? inner.type : of;
    const size = btf.sizeOf(element);
    const title = first?.name ?? (inner.kind === 'array' ? `${name}[0]` : name);
    if (bitSize === 0 && title !== '' && size in accessBySize) yield { name: title, offset: bitOffset / 8, size };
  }
}

function readField(
  btf: Btf,
  {
    type,
    types,
    real,
    offset,
    size,
  }: { type: string; types: ContextTypes; real: TypeId | undefined; offset: number; size: number },
): ContextField['read'] {
  const access = accessBySize[size] as AccessSize;
  for (const attachType of types.attachTypes) {
    // The value goes unused: what is returned must be in the type's range.
    const code = translated(type, attachType, [load(access, 2, 1, offset), mov(0, 0), exit()]);
    if (code === undefined) continue;
    const own = code.slice(0, -2);
    const steps = real === undefined ? [] : stepsOf(btf, real, own);
    const needed = types.attachTypes[0] === attachType ? undefined : attachType;
    const isPlain = steps.length === own.length;
    return { steps, isPlain, code: own.map((each) => disassemble(each)), attachType: needed };
  }
  return undefined;
}

/** Reads through the context's pointers. Code for a single field only ever jumps over parts of itself. */
function stepsOf(btf: Btf, real: TypeId, code: readonly Instruction[]): ContextStep[] {
  const pointers = new Map<number, TypeId>([[1, real]]);
  return code.flatMap(({ opcode, destination, source, offset }) => {
    const size = loadSizes[opcode];
    const struct = pointers.get(source);
    if (size === undefined || struct === undefined) return [];
    const place = memberAt(btf, struct, offset, size);
    pointers.delete(destination);
    if (place?.pointsTo !== undefined) pointers.set(destination, place.pointsTo);
    return place ? [{ struct: btf.type(struct).name, member: place.name, offset, size }] : [];
  });
}

/** By the opcode of a load from memory: bytes. */
const loadSizes: Readonly<Record<number, number>> = { 97: 4, 105: 2, 113: 1, 121: 8 };

function isTaken(type: string, { attachTypes }: ContextTypes, offset: number, size: number): boolean {
  const access = accessBySize[size] as AccessSize;
  const code = [mov(2, 0), store(access, 1, offset, 2), mov(0, 0), exit()];
  return attachTypes.some((attachType) => translated(type, attachType, code) !== undefined);
}

/** What the verifier made of a program; undefined where it refuses it. */
function translated(
  type: string,
  attachType: string | undefined,
  code: readonly Instruction[],
): readonly Instruction[] | undefined {
  try {
    using program = loadBareProgram(assemble(...code), type, attachType);
    const bytes = readProgramCode(program.number).translated;
    if (bytes === undefined) {
      throw new XdpkitError('NOT_PERMITTED', 'read what the verifier made of a program: the kernel hides it', {
        hint: hiddenCodeHint,
      });
    }
    return decodeInstructions(bytes, hostIsLittleEndian);
  } catch (error) {
    if (isErrno(error, 'EACCES', 'EINVAL')) return undefined;
    throw error;
  }
}

/** How hidden code is brought to light. */
export const hiddenCodeHint =
  'It shows code to CAP_BPF, and code whose constants it blinds (net.core.bpf_jit_harden) only to CAP_SYSLOG.';
