/** What the `explain` commands of helpers, maps, programs and verdicts share. */
import type { Since } from '../explain/since.js';
import type { TypeState } from '../kernel/probe-types.js';
import type { Output } from './output.js';

export function nameParameter(brief: string, placeholder = 'NAME') {
  return { kind: 'tuple', parameters: [{ brief, parse: String, placeholder, optional: true }] } as const;
}

/** `5.18`, `6.12 or before`: for tables. */
export function releaseText({ release, bound }: Since): string {
  return bound ? `${release} or before` : release;
}

export function hereText(state: TypeState): string {
  return state.here ? 'yes' : state.because === 'refused' ? 'refused' : 'no';
}

/** `, and this kernel has it`, for sentences. */
export function hereSentence(state: TypeState): string {
  if (state.here) return 'this kernel has it';
  if (state.because === 'refused') return `this kernel does not let it be used here (${state.reason})`;
  return `this kernel does not have it (${state.reason})`;
}

export function stateDocument(state: TypeState) {
  return state.here
    ? { here: true, reason: null }
    : { here: state.because === 'refused' ? null : false, reason: state.reason };
}

/** Lines of a title and what it says, those that say nothing left out. */
export function printRows(output: Output, rows: readonly (readonly [title: string, text: string | undefined])[]): void {
  const told = rows.filter(([, text]) => text !== undefined && text !== '');
  const width = told.reduce((widest, [title]) => Math.max(widest, title.length), 0) + 2;
  for (const [title, text = ''] of told) output.print(`${title.padEnd(width)}${text}`);
}
