/** A diagnosis for people: the source with a mark, the instruction, the register, the way. */
import type { VerifierDiagnosis } from './diagnose.js';

/** Lines without their ends; the message and the mend stand around them. */
export function renderDiagnosis(diagnosis: VerifierDiagnosis): string[] {
  const { instruction, code, function: inFunction, register, path, reason, what } = diagnosis;
  const facts: [label: string, text: string][] = [];
  if (instruction !== undefined) {
    const text = code === undefined ? '' : `: ${code.replace(/^\([0-9a-f]{2}\) /, '')}`;
    facts.push(['instruction', `${instruction}${inFunction === undefined ? '' : ` of ${inFunction}`}${text}`]);
  }
  if (register) facts.push([register.name, `${register.words}  (${register.state})`]);
  path.forEach(({ from, to }, index) => {
    facts.push([
      index === 0 ? 'way here' : '',
      `line ${from.line} ${quoted(from.text)}${to ? ` → line ${to.line}` : ''}`,
    ]);
  });
  if (reason !== what) facts.push(['kernel', reason]);
  const width = Math.max(0, ...facts.map(([label]) => label.length));
  return [...sourceLines(diagnosis), ...facts.map(([label, text]) => `  ${label.padEnd(width)}  ${text}`)];
}

function quoted(text: string): string {
  return `\`${text.length > 70 ? `${text.slice(0, 69)}…` : text}\``;
}

function sourceLines({ source, column, context }: VerifierDiagnosis): string[] {
  if (source === undefined || context.length === 0) return [];
  const width = String(source.line).length;
  const lines = context.map(({ line, text }) => {
    const mark = line === source.line ? '>' : ' ';
    return `${mark} ${String(line).padStart(width)} | ${text.replaceAll('\t', '    ')}`;
  });
  const raw = context.find(({ line }) => line === source.line)?.text ?? '';
  if (column !== undefined && column <= raw.length) {
    // The compiler counts a tab as one column.
    const indent = raw.slice(0, column - 1).replaceAll('\t', '    ').length;
    lines.push(`  ${' '.repeat(width)} | ${' '.repeat(indent)}^`);
  }
  return lines;
}
