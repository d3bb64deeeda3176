import { stringify } from 'csv-stringify/sync';

// What a spreadsheet takes for the beginning of a formula, as OWASP lists it (CSV injection), also in full width.
const formula = /^[=+\-@\t\r\n＝＋－＠]/;
const plainNumber = /^-\d+(\.\d+)?$/;

/**
 * CSV with a header. A cell that a spreadsheet would take for a formula begins with a quote mark (`'`), and is text to it; a plain
 * number, such as -5, stays one.
 */
export function csv(columns: readonly string[], rows: readonly object[]): string {
  return stringify([...rows], {
    header: true,
    columns: [...columns],
    cast: {
      string: (value) =>
        formula.test(value) && !plainNumber.test(value) ? { value: `'${value}`, quoted: true } : value,
    },
  });
}
