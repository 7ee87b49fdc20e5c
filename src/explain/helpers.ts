import { readFileSync } from 'node:fs';
import { canTryHelpers, eachTypeWithHelper, isForGplOnly, typesWithHelper } from '../kernel/helper-types.js';
import { readRunningKernelBtf } from '../kernel/target-btf.js';
import { helpers } from '../uapi/bpf.generated.js';
import { helperPrototypes } from '../uapi/releases.generated.js';
import { type HelperText, readHelperTexts } from './helper-text.js';
import { knownName } from './names.js';
import { type Since, sinceOf } from './since.js';
import { helperWords } from './words/helpers.js';

export type HelperName = keyof typeof helpers;

/**
 * `known`: it is in the kernel's BTF, and no type may call it that can be tried; those of tracing and lsm cannot.
 * `untried`: this process may not try any.
 */
export type HelperPresence = 'yes' | 'known' | 'no' | 'untried';

export interface ListedHelper {
  /** With `bpf_`. */
  readonly name: string;
  readonly number: number;
  readonly since: Since;
  readonly here: HelperPresence;
  readonly what: string;
}

export interface ExplainedHelper extends ListedHelper {
  /** As C declares it. */
  readonly prototype: string;
  /** Those that may call it in this kernel, by kernel name; without those that cannot be tried. */
  readonly programTypes: readonly string[];
  /** Undefined where no type could be tried. */
  readonly gplOnly: boolean | undefined;
  /** The kernel's own words and where they are from: the header of this machine; undefined where it has none. */
  readonly text: (HelperText & { readonly source: string }) | undefined;
}

const header = '/usr/include/linux/bpf.h';
export const helperNames = (Object.keys(helpers) as HelperName[]).filter((name) => name !== 'unspec');

/** All, by number. Tries them in the kernel, which needs CAP_BPF or root. */
export function listHelpers(): ListedHelper[] {
  const known = namesInKernel();
  return helperNames.map((name) => describe(name, !eachTypeWithHelper(name).next().done, known));
}

/** `name` with or without `bpf_`. Errors: `USAGE` with names like it. */
export function explainHelper(name: string): ExplainedHelper {
  const helper = knownName(name, helperNames, {
    what: 'helper',
    prefixes: /^(bpf_func_|bpf_)/,
    shown: (each) => `bpf_${each}`,
  });
  const types = typesWithHelper(helper);
  const [type] = types;
  return {
    ...describe(helper, type !== undefined, namesInKernel()),
    prototype: helperPrototypes[helper] ?? '',
    programTypes: types,
    gplOnly: type === undefined ? undefined : isForGplOnly(helper, type),
    text: kernelText(`bpf_${helper}`),
  };
}

function describe(helper: HelperName, mayBeCalled: boolean, known: ReadonlySet<string>): ListedHelper {
  return {
    name: `bpf_${helper}`,
    number: helpers[helper],
    since: sinceOf('helper', helper),
    here: mayBeCalled ? 'yes' : !canTryHelpers() ? 'untried' : known.has(helper) ? 'known' : 'no',
    what: helperWords[helper] ?? '',
  };
}

/** By the BTF of the kernel; none where it has no BTF. */
function namesInKernel(): ReadonlySet<string> {
  try {
    const btf = readRunningKernelBtf();
    const id = btf.find('enum', 'bpf_func_id');
    const type = id === undefined ? undefined : btf.type(id);
    return new Set(type?.kind === 'enum' ? type.values.map(({ name }) => name.replace('BPF_FUNC_', '')) : []);
  } catch {
    return new Set();
  }
}

function kernelText(name: string): ExplainedHelper['text'] {
  try {
    const text = readHelperTexts(readFileSync(header, 'utf8')).get(name);
    return text && { ...text, source: header };
  } catch {
    // No kernel headers are installed.
    return undefined;
  }
}
