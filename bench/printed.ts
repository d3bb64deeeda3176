import type { Figure } from './figures.ts';

/** The table of figures for a terminal. */
export function asText(figures: readonly Figure[]): string {
  const rows = cellsOf(figures);
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** The same for a page in Markdown. */
export function asMarkdown(figures: readonly Figure[]): string {
  const [head = [], ...rows] = cellsOf(figures).map((row) => row.map((cell) => cell.replaceAll('|', '\\|')));
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), `|${head.map(() => '---').join('|')}|`, ...rows.map(line)].join('\n');
}

function cellsOf(figures: readonly Figure[]): readonly (readonly string[])[] {
  const rounds = figures[0]?.runs.length ?? 0;
  return [
    ['what', 'median', 'target', '', rounds === 1 ? 'its round' : `its ${rounds} rounds`],
    ...figures.map(({ name, value, unit, target, met, runs }) => [
      name,
      `${decimal(value)} ${unit}`.trim(),
      target ?? '',
      met === null ? '' : met ? 'met' : 'missed',
      runs.map(decimal).join(' '),
    ]),
  ];
}

/** Two decimals say enough of a ratio, and none of what goes into the hundreds. */
const decimal = (value: number): string =>
  Math.abs(value) < 100 ? value.toFixed(2) : Math.round(value).toLocaleString('en');
