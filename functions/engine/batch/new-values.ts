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
 * that keeps them all "stays#". Throws DatabaseError, the row's fault, for what is no JSON.
 */
export function newValues(
  keyColumns: number,
  columns: readonly ChangedColumn[],
  rows: readonly WrittenRow[],
): string {
  const labelled = columns.map(({ i }) => ({ i, label: `v#${i}` }));
  const keyLabels = Array.from({ length: keyColumns }, (_, i) => `k#${i}`);
  const sent = rows.map(({ key, xmin, values }) => {
    const row: Record<string, unknown> = { 'x#': xmin };
    const kept: string[] = [];
    keyLabels.forEach((label, i) => {
      row[label] = key[i];
    });
    for (const { i, label } of labelled) {
      if (values[i] === undefined) {
        kept.push(label);
      } else {
        row[label] = values[i];
      }
    }
    if (kept.length > 0) {
      row['kept#'] = kept;
    }
    if (values.every((value) => value === undefined)) {
      row['stays#'] = true;
    }
    return row;
  });
  return toJson(sent);
}

function toJson(sent: readonly unknown[]): string {
  try {
    return JSON.stringify(sent);
  } catch (error) {
    throw new DatabaseError(`a new value cannot be written as JSON: ${messageOf(error)}`, 'row', null, error);
  }
}

/** Whether a request takes it. */
export function isSendable(json: string): boolean {
  // No character of it takes more than three bytes, so mostly there is no need to look closer.
  return json.length * 3 <= longestJson || Buffer.byteLength(JSON.stringify(json)) <= longestJson;
}
