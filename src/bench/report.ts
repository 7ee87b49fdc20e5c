/** Results for people, line by line as they come, and for programs. */
import { cpus, release } from 'node:os';
import type { Result, Skipped } from './row.js';

const widths = [28, 24, 11, 11, 22, 10] as const;

function printLine(cells: readonly string[]): void {
  const text = cells.map((cell, index) => {
    const width = widths[index] ?? 0;
    return index < 2 ? cell.padEnd(width) : cell.padStart(width);
  });
  console.log(text.join('  ').trimEnd());
}

export function printTitles(): void {
  printLine(['', 'against', 'xdpkit', 'peer', 'ratio (quartiles)', 'bar']);
}

export function printResult(result: Result | Skipped): void {
  if ('skipped' in result) {
    printLine([result.name, `skipped: ${result.skipped}`]);
    return;
  }
  const { name, peer, unit, ours, theirs, ratio, bar, met } = result;
  const amount = (value: number) => `${value.toPrecision(value >= 100 ? Math.ceil(Math.log10(value + 1)) : 3)} ${unit}`;
  printLine([
    name,
    peer ?? '',
    amount(ours),
    theirs === undefined ? '' : amount(theirs),
    ratio ? `${ratio.median.toFixed(2)} (${ratio.low.toFixed(2)}–${ratio.high.toFixed(2)})` : '',
    bar ? `≤ ${bar.at}${bar.unit === 'ratio' ? '' : ` ${bar.unit}`}` : '',
    met === undefined ? '' : met ? 'met' : 'MISSED',
  ]);
}

export function toDocument(results: readonly (Result | Skipped)[]): object {
  return { kernel: release(), node: process.version, processor: cpus()[0]?.model, cpus: cpus().length, results };
}
