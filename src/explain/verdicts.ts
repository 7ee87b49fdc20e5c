import { XdpkitError } from '../errors/error.js';
import { nearNames } from '../object/near-names.js';
import { type Since, sinceOf } from './since.js';
import { type VerdictWords, verdictWords } from './words/verdicts.js';

export interface ExplainedVerdict extends Omit<VerdictWords, 'since'> {
  readonly since: Since;
}

/** In the order of what programs they are of. */
export function listVerdicts(): ExplainedVerdict[] {
  return verdictWords.map(describe);
}

/** `name` as in XDP_DROP, TC_ACT_SHOT, or the end of it in any case: `drop` has several. Errors: `USAGE`. */
export function explainVerdicts(name: string): ExplainedVerdict[] {
  const wanted = name.trim().toUpperCase();
  const exact = verdictWords.filter((each) => each.name === wanted);
  const found = exact.length > 0 ? exact : verdictWords.filter((each) => shortName(each.name) === wanted);
  if (found.length > 0) return found.map(describe);
  const names = verdictWords.flatMap((each) => [each.name, shortName(each.name)]);
  const near = nearNames(wanted, names);
  throw new XdpkitError('USAGE', `there is no verdict called "${name}"`, {
    hint: near.length > 0 ? `Do you mean ${near.join(', ')}?` : '`xdpkit explain verdict` lists all.',
  });
}

/** XDP_DROP → DROP. */
function shortName(name: string): string {
  return name.replace(/^(XDP|TC_ACT|SK|CGROUP|BPF_LWT|BPF_FLOW_DISSECTOR|BPF|NF)_/, '');
}

function describe({ since, ...words }: VerdictWords): ExplainedVerdict {
  const [type = ''] = words.programTypes;
  return { ...words, since: since ?? sinceOf('program', type) };
}
