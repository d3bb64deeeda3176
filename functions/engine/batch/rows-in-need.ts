import { type Sql, sql } from '../database/sql.ts';
import { keyAsJson, keyColumns, type Table } from '../database/table.ts';
import type { Page } from '../define/batch.ts';
import { type Checkpoint, ofThisRun } from '../ledger/checkpoint.ts';
import { ledger } from '../ledger/names.ts';

/**
 * The condition for the rows that need to be looked at, without those which this run has found bad. These are not even
 * asked: the condition itself may be what fails. On the first walk over a table with a marker that is what says so; later
 * ones, and those for rows behind the cursor, look for the old form, too: a marked row may still have it, or have it again.
 */
export function needy(table: Table, at: Checkpoint, where: Sql | undefined, page: Page): Sql {
  const condition = inNeed(table, 'keys' in page ? Number.POSITIVE_INFINITY : at.pass, where);
  if (at.rowErrorsOfThisRun === 0) {
    return sql`(${condition})`;
  }
  const known = sql`"error#".migration = ${at.migration} AND ${ofThisRun(sql`"error#".run`, sql`${at.run}`)}`;
  return unless(table, known, condition);
}

/** The condition for the rows that need to be looked at in this pass. */
export function inNeed({ marker }: Table, pass: number, where: Sql | undefined): Sql {
  if (marker === undefined) {
    return where ?? sql`true`;
  }
  return pass === 1 || where === undefined ? marker.left : sql`${marker.left} OR (${where})`;
}

/** A condition that is not asked of rows with a row error of this kind: a condition over "error#", as no table is called. */
export function unless(table: Table, recorded: Sql, where: Sql): Sql {
  return sql`
    CASE WHEN EXISTS (
      SELECT FROM ${ledger.rowErrors} "error#"
      WHERE ${recorded} AND "error#".key = ${keyAsJson(keyColumns(table))}) THEN false ELSE (${where}) END`;
}
