import type { Finding } from './finding.js';

export interface Verdict {
  /** 0: building, loading and attaching work; 4: only privileges are in the way; 5: something else is. */
  readonly exitCode: 0 | 4 | 5;
  readonly sentence: string;
}

export function judge(findings: readonly Finding[]): Verdict {
  const failing = findings.filter(({ state, essential }) => essential && (state === 'missing' || state === 'unknown'));
  const hard = failing.filter(({ group, state }) => group !== 'privileges' && state === 'missing');
  if (hard.length > 0) return { exitCode: 5, sentence: `xdpkit cannot do its work here: ${problems(hard)}` };
  if (failing.length > 0) {
    const named = failing.filter(({ group }) => group === 'privileges');
    const what = problems(named.length > 0 ? named : failing);
    return { exitCode: 4, sentence: `xdpkit is not permitted to do its work here: ${what}` };
  }
  const lacking = findings.filter(({ state }) => state === 'missing').map(({ item }) => item);
  const limited = findings.filter(({ state }) => state === 'degraded').map(({ item }) => item);
  const unknown = findings.filter(({ state }) => state === 'unknown').map(({ item }) => item);
  const rest = [
    ...(lacking.length > 0 ? [`not here: ${lacking.join(', ')}`] : []),
    ...(limited.length > 0 ? [`in part: ${limited.join(', ')}`] : []),
    ...(unknown.length > 0 ? [`unknown: ${unknown.join(', ')}`] : []),
  ];
  return {
    exitCode: 0,
    sentence: ['everything that building, loading and attaching take is here', ...rest].join('; '),
  };
}

function problems(findings: readonly Finding[]): string {
  return findings.map(({ item, found }) => `${item} (${found})`).join(', ');
}
