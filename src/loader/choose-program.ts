import { XdpkitError } from '../errors/error.js';
import type { ProgramChoice } from '../kernel/choose-programs.js';
import type { ObjectSpec, ProgramSpec } from '../object/spec.js';

export interface ProgramWish {
  /** By the C function's name: then its section may be called anything. */
  readonly program?: string | undefined;
  /** By its section, as in `SEC("xdp_drop")`. */
  readonly section?: string | undefined;
}

/**
 * The one program of an object that is to be attached as XDP. Errors: `PROGRAM_NOT_FOUND`, `PROGRAM_AMBIGUOUS`, both
 * with what there is.
 */
export function chooseXdpProgram(spec: ObjectSpec, { program, section }: ProgramWish = {}): ProgramChoice {
  const isNamed = program !== undefined || section !== undefined;
  const found = spec.programs.filter((each) =>
    isNamed
      ? (program === undefined || each.name === program) && (section === undefined || each.section === section)
      : isXdp(each),
  );
  const [only, ...others] = found;
  if (only === undefined) throw noneFound(spec, { program, section });
  if (others.length > 0) {
    throw new XdpkitError('PROGRAM_AMBIGUOUS', `${spec.name} has several XDP programs: ${list(found)}`, {
      hint: `Name one, as in --prog ${only.name}.`,
    });
  }
  if (only.type !== undefined && !isXdp(only)) {
    const what = only.type === 'xdp' ? `an XDP program for ${only.attachType}` : `of type ${only.type}`;
    throw new XdpkitError(
      'PROGRAM_NOT_FOUND',
      `program "${only.name}" of ${spec.name} is ${what}, and goes on no device`,
      {
        hint: candidatesHint(spec),
      },
    );
  }
  return { name: only.name, type: 'xdp', attachType: 'xdp' };
}

/**
 * The one program of an object, of whatever type, for `LoadOptions.programs`: the one of that name, or the only one there
 * is. `type` overrules what its section says. Errors: `PROGRAM_NOT_FOUND`, `PROGRAM_AMBIGUOUS`, both with what there is.
 */
export function chooseProgram(
  spec: ObjectSpec,
  { program, type }: { readonly program?: string | undefined; readonly type?: string | undefined },
): string | ProgramChoice {
  const [only, ...others] = spec.programs.filter(({ name }) => program === undefined || name === program);
  const names = list(spec.programs);
  if (only === undefined) {
    const what = program === undefined ? 'no programs' : `no program "${program}"`;
    throw new XdpkitError('PROGRAM_NOT_FOUND', `${spec.name} has ${what}`, { hint: names && `It has ${names}.` });
  }
  if (others.length > 0) {
    throw new XdpkitError('PROGRAM_AMBIGUOUS', `${spec.name} has several programs: ${names}`, {
      hint: `Name one, as in --prog ${only.name}.`,
    });
  }
  if (type === undefined && only.type === undefined) {
    throw new XdpkitError('USAGE', `program "${only.name}": its section "${only.section}" does not tell its type`, {
      hint: 'Say it, as in --type xdp.',
    });
  }
  if (type === undefined || type === only.type) return only.name;
  return { name: only.name, type };
}

/** Programs for devmap and cpumap entries are of the type too, but run only behind a redirect. */
function isXdp({ type, attachType }: ProgramSpec): boolean {
  return type === 'xdp' && (attachType === undefined || attachType === 'xdp');
}

function noneFound(spec: ObjectSpec, { program, section }: ProgramWish): XdpkitError {
  const wanted =
    program !== undefined
      ? `no program "${program}"${section === undefined ? '' : ` in section "${section}"`}`
      : section !== undefined
        ? `no program in section "${section}"`
        : 'no XDP program';
  return new XdpkitError('PROGRAM_NOT_FOUND', `${spec.name} has ${wanted}`, { hint: candidatesHint(spec) });
}

function candidatesHint(spec: ObjectSpec): string {
  if (spec.programs.length === 0) return 'It has no programs at all.';
  const untyped = spec.programs.filter(({ type }) => type === undefined).map(({ name }) => name);
  // A section such as SEC("prog") says nothing, so that its program may be meant for XDP.
  const choice = untyped.length > 0 ? ` Take one of no type as XDP by its name: --prog ${untyped.join('|')}.` : '';
  return `It has ${list(spec.programs)}.${choice}`;
}

function list(programs: readonly ProgramSpec[]): string {
  return programs.map(({ name, section }) => `${name} (section "${section}")`).join(', ');
}
