/**
 * A program between two probes: one is called with the context before it, one with context and verdict after it. What
 * they return is not looked at; they may change the packet, though, as any function of the program may. Needs no
 * trampoline, but BPF-to-BPF calls: Linux 4.16.
 *
 *     static int on_entry(struct xdp_md *ctx);
 *     static int on_exit(struct xdp_md *ctx, int verdict);
 *
 * A probe is a function of its object by that name: a program, or one that is not inlined. A tail call of the program
 * runs another in its place and comes back here (Linux 5.10 on x86-64, 6.0 on arm64).
 */
import { callFunction, exit, movRegister } from '../../asm/assemble.js';
import { XdpkitError } from '../../errors/error.js';
import type { ObjectSpec, ProgramSpec } from '../spec.js';
import { contextType } from './context-type.js';
import { type GlueItem, glueFunction } from './glue-function.js';
import type { GlueTypes } from './glue-types.js';
import { jointLicense } from './license.js';
import { measureMembers, requireLimits } from './limits.js';
import { type Part, unite } from './unite.js';

export interface Probe {
  readonly spec: ObjectSpec;
  /** The C function's name. */
  readonly function: string;
}

export interface Probes {
  readonly entry?: Probe | undefined;
  readonly exit?: Probe | undefined;
}

export interface NameViews {
  /** Names in the wrapped spec, by those in the object's own. */
  readonly maps: ReadonlyMap<string, string>;
  readonly globals: ReadonlyMap<string, string>;
}

export interface WrappedProgram {
  /**
   * The program, with the name, the type and all else of the one that is wrapped, and those that its program arrays hold
   * from the start. Its maps keep their names.
   */
  readonly spec: ObjectSpec;
  readonly program: NameViews;
  /** Of one object for both: they share its maps. */
  readonly entry: NameViews | undefined;
  readonly exit: NameViews | undefined;
}

const texts = [
  'xdpkit wrapper',
  'entry(ctx);',
  'verdict = program(ctx);',
  'exit(ctx, verdict);',
  'return verdict;',
] as const;
const [, entryText, programText, exitText, returnText] = texts;
const [contextAt, verdictAt] = [6, 7];

/** Throws `XdpkitError` CHAIN_LIMIT, PROGRAM_NOT_FOUND for a probe that its object lacks, USAGE for one of another byte order. */
export function wrapProgram(spec: ObjectSpec, program: ProgramSpec, probes: Probes): WrappedProgram {
  const littleEndian = spec.byteOrder === 'little';
  const own: Part = { name: spec.name, spec, entries: [program.function] };
  const parts: Part[] = [own];
  /** Which entry of which part a probe is. */
  const place = (probe: Probe | undefined): { readonly part: number; readonly entry: number } | undefined => {
    if (probe === undefined) return undefined;
    const found = findProbe(probe, spec);
    const part = parts.findIndex((one) => one !== own && one.spec === probe.spec);
    if (part === -1)
      return { part: parts.push({ name: probe.spec.name, spec: probe.spec, entries: [found] }) - 1, entry: 0 };
    const before = parts[part] as Part;
    parts[part] = { ...before, entries: [...before.entries, found] };
    return { part, entry: before.entries.length };
  };
  const entry = place(probes.entry);
  const exitProbe = place(probes.exit);
  const united = unite(
    parts,
    {
      types: wrapperTypes(program),
      maps: [],
      programNames: [program.name],
      functionCount: 1,
      functions: (entries) => {
        const at = (found: typeof entry) =>
          found && entries[parts.slice(0, found.part).reduce((sum, one) => sum + one.entries.length, found.entry)];
        const items = wrapperCode({ entry: at(entry), program: entries[0] ?? -1, exit: at(exitProbe) });
        return [glueFunction({ name: program.name, typeId: 3, littleEndian, texts, items })];
      },
    },
    `the wrapped ${spec.name}`,
  );
  const measured = measureMembers(
    united.functions,
    united.parts.flatMap(({ entries }) =>
      entries.map((index) => ({ name: united.functions[index]?.name ?? '', entry: index })),
    ),
    littleEndian,
  );
  requireLimits(`"${program.name}" between its probes`, measured, united.functions);
  const viewOf = (part: number | undefined) => (part === undefined ? undefined : united.parts[part]);
  return {
    spec: {
      name: spec.name,
      byteOrder: spec.byteOrder,
      license: jointLicense(parts.map((part) => part.spec.license)),
      kernelVersion: spec.kernelVersion,
      programs: [{ ...program, function: 0 }, ...united.programs],
      functions: united.functions,
      maps: united.maps,
      globals: united.globals,
      remarks: [...new Set(parts.map((part) => part.spec))].flatMap(({ remarks }) => remarks),
      externs: united.externs,
      btf: united.btf,
    } satisfies Record<keyof ObjectSpec, unknown>,
    program: viewOf(0) as NameViews,
    entry: viewOf(entry?.part),
    exit: viewOf(exitProbe?.part),
  };
}

function findProbe(probe: Probe, wrapped: ObjectSpec): number {
  const index = probe.spec.functions.findIndex(({ name }) => name === probe.function);
  if (index === -1) {
    const names = probe.spec.functions.map(({ name }) => name).join(', ');
    throw new XdpkitError('PROGRAM_NOT_FOUND', `${probe.spec.name} has no function "${probe.function}" to be a probe`, {
      hint: names ? `It has ${names}; a static function must not be inlined.` : 'It has no functions at all.',
    });
  }
  if (probe.spec.byteOrder === wrapped.byteOrder) return index;
  throw new XdpkitError(
    'USAGE',
    `probe "${probe.function}" is ${probe.spec.byteOrder}-endian, and ${wrapped.name} is not`,
  );
}

function wrapperCode(functions: {
  readonly entry: number | undefined;
  readonly program: number;
  readonly exit: number | undefined;
}): GlueItem[] {
  const callProbe = (index: number | undefined, line: string, ...passed: GlueItem[]): GlueItem[] =>
    index === undefined
      ? []
      : [{ line }, movRegister(1, contextAt), ...passed, { calls: index, instruction: callFunction() }];
  return [
    { line: programText },
    movRegister(contextAt, 1),
    ...callProbe(functions.entry, entryText),
    ...callProbe(functions.program, programText),
    movRegister(verdictAt, 0),
    ...callProbe(functions.exit, exitText, movRegister(2, verdictAt)),
    { line: returnText },
    movRegister(0, verdictAt),
    exit(),
  ];
}

/** Of other contexts than XDP's the kernel would only say that it cannot judge them. */
function wrapperTypes({ name, type }: ProgramSpec): GlueTypes {
  const parameters = type === 'xdp' ? [{ name: 'ctx', type: 5 }] : [];
  return {
    texts,
    anyFunction: 2,
    types: [
      { kind: 'int', name: 'int', size: 4, bits: 32, bitOffset: 0, signed: true, char: false, bool: false },
      { kind: 'function-prototype', name: '', returns: 1, parameters },
      { kind: 'function', name, type: 2, linkage: 'global' },
      contextType(1),
      { kind: 'pointer', name: '', type: 4 },
    ],
  };
}
