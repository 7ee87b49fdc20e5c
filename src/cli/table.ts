import Table from 'cli-table3';

export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right' | undefined;
}

const noLines = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
};

/**
 * Aligned columns without lines. With a `width` (of a terminal) the last column is wrapped at words into what the others
 * leave; without one, as in a pipe, nothing is ever cut or wrapped.
 */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  options: { width?: number | undefined; title?: (text: string) => string } = {},
): string {
  const { width, title = (text) => text } = options;
  const settings = {
    head: columns.map((column) => title(column.title)),
    colAligns: columns.map(({ align = 'left' }) => align),
  };
  const widths = width === undefined ? [] : lastColumnWithin(width, columns, rows);
  const table = new Table({
    ...settings,
    chars: noLines,
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
    colWidths: widths,
    wordWrap: widths.length > 0,
  });
  table.push(...rows.map((row) => [...row]));
  return `${table.toString().replace(/[ \t]+$/gm, '')}\n`;
}

/** Widths to set, or none when everything fits or the terminal is too narrow for the wrapping to help. */
function lastColumnWithin(
  width: number,
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): (number | null)[] {
  const natural = columns.map(({ title }, index) =>
    rows.reduce((widest, row) => Math.max(widest, visibleLength(row[index] ?? '')), visibleLength(title)),
  );
  const last = natural.pop() ?? 0;
  const taken = natural.reduce((sum, one) => sum + one + 2, 0);
  if (taken + last <= width || width - taken < 16) return [];
  return [...natural.map(() => null), width - taken];
}

function visibleLength(text: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control characters
  return [...text.replace(/\x1b\[[0-9;]*m/g, '')].length;
}
