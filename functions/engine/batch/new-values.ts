import type { Column } from '../database/table.ts';
import { DatabaseError, messageOf } from '../errors.ts';
import type { WrittenRow } from './rewrite-change.ts';

/** A column that some row of a page changes, and its place among the change's columns. */
export interface ChangedColumn extends Column {
  readonly i: number;
}

// The Data API takes 4 MiB in a request, with this JSON inside another; a little is left for the statement. Where it is
// more, fewer rows are tried.
const longestJson = 4_100_000;

/**
 * The new values of a page as JSON: `[{"x#", "kept#", "k#0" …, "v#0" …}]`. "x#" is the xmin of the version that was read,
 * "k#0" … the key, "v#0" … the values. "kept#" lists the columns that this row keeps although other rows change them; a row
 * that keeps them all "stays#". Throws DatabaseError, the row's fault, for what is too long for a text.
 */
export function newValues(columns: readonly ChangedColumn[], rows: readonly WrittenRow[]): string {
  const asObject = ({ key, xmin, values }: WrittenRow): string => {
    let row = `{"x#":"${xmin}"`;
    let kept = '';
    key.forEach((part, i) => {
      row += `,"k#${i}":${JSON.stringify(part)}`;
    });
    for (const { i } of columns) {
      const value = values[i];
      if (value === undefined) {
        kept += `${kept === '' ? '' : ','}"v#${i}"`;
      } else {
        row += `,"v#${i}":${value}`;
      }
    }
    if (kept !== '') {
      row += `,"kept#":[${kept}]`;
    }
    return values.every((value) => value === undefined) ? `${row},"stays#":true}` : `${row}}`;
  };
  try {
    return `[${rows.map(asObject).join(',')}]`;
  } catch (error) {
    throw new DatabaseError(`new values cannot be written as JSON: ${messageOf(error)}`, 'row', null, error);
  }
}

/** Whether a request takes it. */
export function isSendable(json: string): boolean {
  // No character of it takes more than three bytes, so mostly there is no need to look closer.
  return json.length * 3 <= longestJson || Buffer.byteLength(JSON.stringify(json)) <= longestJson;
}
