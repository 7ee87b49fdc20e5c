/** Which programs of an object are loaded, and as what. */
import { XdpkitError } from '../errors/error.js';
import type { ObjectSpec, ProgramSpec } from '../object/spec.js';
import { programsOfContents } from './fill-maps.js';
import type { ChosenProgram } from './link-for-kernel.js';
import type { BpfProgram } from './program.js';

/** A program to load otherwise than its section says; old objects have section names that say nothing. */
export interface ProgramChoice {
  readonly name: string;
  /** Kernel name, `xdp`; what the section says unless given. */
  readonly type?: string | undefined;
  readonly attachType?: string | undefined;
  /** The function, tracepoint, hook or iterator that it is for, in the place of the section's. */
  readonly attachTo?: string | undefined;
  /** The program that it watches (fentry, fexit), or of which it replaces a function (freplace). */
  readonly attachProgram?: BpfProgram | undefined;
}

type Wanted = readonly (string | ProgramChoice)[];

/**
 * Those that are `wanted`, or all whose section tells their type, and what they reach by tail calls. Errors:
 * `PROGRAM_NOT_FOUND`, `USAGE` where nothing tells a type, `OBJECT_UNSUPPORTED` for struct_ops.
 */
export function chooseProgramsToLoad(spec: ObjectSpec, wanted: Wanted | undefined): ChosenProgram[] {
  return withProgramsOfContents(spec, wanted ?? usualPrograms(spec)).map((choice) => {
    const asked = typeof choice === 'string' ? { name: choice } : choice;
    return chosen(spec, programNamed(spec, asked.name), asked);
  });
}

function programNamed(spec: ObjectSpec, name: string): ProgramSpec {
  const program = spec.programs.find((each) => each.name === name);
  if (program !== undefined) return program;
  const names = spec.programs.map((each) => each.name).join(', ');
  throw new XdpkitError('PROGRAM_NOT_FOUND', `${spec.name} has no program "${name}"`, {
    hint: names ? `It has ${names}.` : 'It has no programs at all.',
  });
}

function chosen(spec: ObjectSpec, program: ProgramSpec, asked: ProgramChoice): ChosenProgram {
  const { name, section } = program;
  const type = asked.type ?? program.type;
  if (type === undefined) {
    throw new XdpkitError('USAGE', `program "${name}": its section "${section}" does not tell its type`, {
      hint: `Load it as { name: '${name}', type: 'xdp' }.`,
    });
  }
  if (type === 'struct_ops') {
    const words = `program "${name}" of ${spec.name} belongs to a struct of functions for the kernel to call (struct_ops), which xdpkit reads and cannot load yet`;
    throw new XdpkitError('OBJECT_UNSUPPORTED', words, { hint: 'Name the other programs, to load those alone.' });
  }
  const { attachProgram, attachTo = program.attachTo } = asked;
  // What the section says of how to attach holds for the type that it says.
  const attachType = asked.attachType ?? (type === program.type ? program.attachType : undefined);
  return { program, type, attachType, attachTo, attachProgram };
}

function usualPrograms({ programs }: ObjectSpec): string[] {
  return programs.flatMap(({ name, type, section }) => (type === undefined || section.startsWith('?') ? [] : [name]));
}

/** Programs that tail calls of the wanted ones reach; where their sections do not tell their type, of the same type. */
function withProgramsOfContents(spec: ObjectSpec, wanted: Wanted): Wanted {
  const names = new Set(wanted.map((choice) => (typeof choice === 'string' ? choice : choice.name)));
  const [first] = wanted;
  const reached = [...new Set(programsOfContents(spec.maps))].filter((name) => !names.has(name));
  return [
    ...wanted,
    ...reached.map((name) => {
      const typed = spec.programs.some((program) => program.name === name && program.type !== undefined);
      return typed || first === undefined || typeof first === 'string' ? name : { ...first, name };
    }),
  ];
}
