import { contextTypes } from '../kernel/context-types.js';
import { helpersOfType } from '../kernel/helper-types.js';
import { probeProgramType, type TypeState } from '../kernel/probe-types.js';
import { sectionDefinitions } from '../object/sections.generated.js';
import { attachTypes, programTypes } from '../uapi/bpf.generated.js';
import { knownName } from './names.js';
import { type Since, sinceOf } from './since.js';
import { type ProgramWords, programWords } from './words/programs.js';
import { type VerdictWords, verdictWords } from './words/verdicts.js';

export type ProgramTypeName = Exclude<keyof typeof programTypes, 'unspec'>;

export interface SectionOfType {
  /** `tcx/ingress`, with `/…` behind it where the name of what is hooked may follow. */
  readonly section: string;
  readonly attachType: string | undefined;
  /** Of the attach type; undefined where there is none, or it is newer than what is known here. */
  readonly since: Since | undefined;
}

export interface ListedProgramType extends Omit<ProgramWords, 'notes'> {
  /** Kernel name, `sched_cls`. */
  readonly name: string;
  readonly number: number;
  readonly since: Since;
  /** Asked by loading one. */
  readonly here: TypeState;
  readonly notes: readonly string[];
  /** The struct of its context, without `struct`; undefined where it is not known here. */
  readonly context: string | undefined;
  readonly sections: readonly SectionOfType[];
  readonly verdicts: readonly VerdictWords[];
}

export interface ExplainedProgramType extends ListedProgramType {
  /** With `bpf_`, tried in this kernel; undefined where that cannot be done without something to hook. */
  readonly helpers: readonly string[] | undefined;
}

export const programTypeNames = (Object.keys(programTypes) as (keyof typeof programTypes)[]).filter(
  (name): name is ProgramTypeName => name !== 'unspec',
);

/** By number. Needs CAP_BPF or root to see which the kernel has. */
export function listProgramTypes(): ListedProgramType[] {
  return programTypeNames.map(describe);
}

/** `name` as in `sched_cls` or `BPF_PROG_TYPE_SCHED_CLS`, or what stands in SEC(), as in `tc` or `fentry`. Errors: `USAGE`. */
export function explainProgramType(name: string): ExplainedProgramType {
  const direct = programTypeNames.find((each) => each === name.trim().toLowerCase());
  const wanted = direct ?? typeOfSection(name.trim().replace(/^SEC\("([^"]*)"\)$/, '$1')) ?? name;
  const type = knownName(wanted, programTypeNames, { what: 'program type', prefixes: /^bpf_prog_type_/ });
  return { ...describe(type), helpers: helpersOfType(type)?.map((helper) => `bpf_${helper}`) };
}

/** The name of what is hooked may stand behind it. */
function typeOfSection(section: string): ProgramTypeName | undefined {
  const found = sectionDefinitions[section] ?? sectionDefinitions[section.replace(/\/.*$/, '')];
  return found && programTypeNames.find((name) => name === found.type);
}

function describe(name: ProgramTypeName): ListedProgramType {
  const { notes = [], ...words } = programWords[name] as ProgramWords;
  return {
    ...words,
    name,
    number: programTypes[name],
    since: sinceOf('program', name),
    here: probeProgramType(name),
    notes,
    context: contextTypes[name]?.seen,
    sections: Object.entries(sectionDefinitions).flatMap(([section, { type, attachType, target }]) =>
      type === name
        ? [
            {
              section: target ? `${section}/…` : section,
              attachType,
              since: attachType !== undefined && attachType in attachTypes ? sinceOf('attach', attachType) : undefined,
            },
          ]
        : [],
    ),
    verdicts: verdictWords.filter(({ programTypes: types }) => types.includes(name)),
  };
}
