export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right' | undefined;
}

type Row = readonly string[];

const gap = '  ';

/**
 * Aligned columns without lines. With a `width` (of a terminal) cells are wrapped at words, the widest columns first, until
 * the table fits, or no cell can give way; without one, as in a pipe, nothing is ever cut or wrapped.
 */
export function renderTable(
  columns: readonly Column[],
  rows: readonly Row[],
  options: { width?: number | undefined; title?: (text: string) => string } = {},
): string {
  const { width = Number.POSITIVE_INFINITY, title = (text) => text } = options;
  const titles = columns.map((column) => column.title);
  const widths = fitWidths([titles, ...rows], width);
  const lines = [titles, ...rows].flatMap((row, index) => {
    const text = renderRow(columns, widths, row);
    return index === 0 ? text.map(title) : text;
  });
  return `${lines.join('\n')}\n`;
}

/** A row on as many lines as its highest cell needs. */
function renderRow(columns: readonly Column[], widths: readonly number[], row: Row): string[] {
  const cells = columns.map((_, index) => wrapWords(row[index] ?? '', widths[index] ?? 0));
  const height = Math.max(...cells.map((lines) => lines.length));
  return Array.from({ length: height }, (_, line) =>
    columns
      .map(({ align }, index) => {
        const text = cells[index]?.[line] ?? '';
        const blanks = ' '.repeat(Math.max(0, (widths[index] ?? 0) - visibleLength(text)));
        return align === 'right' ? blanks + text : text + blanks;
      })
      .join(gap)
      .trimEnd(),
  );
}

/** The width of each column: what its cells need, less what wrapping at words can win where that is more than there is. */
function fitWidths(rows: readonly Row[], width: number): number[] {
  const columns = (rows[0] ?? []).map((_, index) => rows.map((row) => row[index] ?? ''));
  const widths = columns.map((cells) => Math.max(...cells.map(visibleLength)));
  const least = columns.map((cells) => Math.max(...cells.flatMap((cell) => cell.split(' ').map(visibleLength))));
  let excess = widths.reduce((sum, one) => sum + one + gap.length, -gap.length) - width;
  while (excess > 0) {
    const shrinkable = widths.map((one, index) => (one > (least[index] ?? 0) ? one : 0));
    const widest = Math.max(...shrinkable);
    if (widest === 0) break;
    const index = shrinkable.lastIndexOf(widest);
    widths[index] = widest - 1;
    excess--;
  }
  return widths;
}

function wrapWords(text: string, width: number): string[] {
  if (visibleLength(text) <= width) return [text];
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && visibleLength(last) + 1 + visibleLength(word) <= width) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else {
      lines.push(word);
    }
  }
  return lines;
}

function visibleLength(text: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control characters
  return [...text.replace(/\x1b\[[0-9;]*m/g, '')].length;
}
