import Table from 'cli-table3';
import { visibleInOneLine } from '../../functions/visible.ts';

/** Columns for people, without lines between them. Numbers stand right. */
export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const none = Object.fromEntries(sides.map((side) => [side, '']));
  const drawn = new Table({
    head: [...head],
    chars: { ...none, middle: '  ' },
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
    colAligns: head.map((_, i) => (rows.every((row) => /^[\d,.]*$/.test(String(row[i]))) ? 'right' : 'left')),
  });
  drawn.push(...rows.map((row) => row.map((cell) => visibleInOneLine(String(cell)))));
  return `${drawn
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')}\n`;
}

const sides = [
  ...['top', 'top-mid', 'top-left', 'top-right'],
  ...['bottom', 'bottom-mid', 'bottom-left', 'bottom-right'],
  ...['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid'],
];
