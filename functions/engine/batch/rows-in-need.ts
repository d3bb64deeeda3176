import { boolean } from 'valibot';
import type { Database } from '../database/data-api.ts';
import { explain } from '../database/explain.ts';
import { type Sql, sql } from '../database/sql.ts';
import { keyAsJson, keyColumns, type Table } from '../database/table.ts';
import type { Page } from '../define/batch.ts';
import { DatabaseError } from '../errors.ts';
import type { Checkpoint } from '../ledger/checkpoint.ts';
import { ledger } from '../ledger/names.ts';
import { insidePage, trustsMarker } from './page.ts';

/** The condition for the rows that need the change: by the marker as far as that is trusted, else by `where`, too. */
export function needsChange({ marker }: Table, where: Sql | undefined, isTrusted: boolean): Sql {
  if (marker === undefined) {
    return where ?? sql`true`;
  }
  return isTrusted || where === undefined ? marker.left : sql`${marker.left} OR (${where})`;
}

/**
 * The condition for the rows that a batch takes: those that need the change, without those which this run has recorded as
 * bad. For these not even `where` is evaluated, since that itself may be what fails. Rows behind the cursor are looked at by
 * `where` also if they are marked: they may have the old form still, or again.
 */
export function takenBy(page: Page, table: Table, at: Checkpoint, where: Sql | undefined): Sql {
  const condition = needsChange(table, where, !('keys' in page) && trustsMarker(at));
  if (at.rowErrorsOfThisRun === 0) {
    return sql`(${condition})`;
  }
  return unlessRecorded(table, recordedByThisRun(at), condition);
}

/**
 * The condition for the rows inside a page that a batch takes. Where the page has given keys, the planner may read a small table as a
 * whole and ask every row whether it needs the change: one that makes `where` fail, wherever it is, would pass for one of the page.
 */
export function takenInside(page: Page, table: Table, at: Checkpoint, where: Sql | undefined): Sql {
  const inside = insidePage(table, at, page);
  const taken = takenBy(page, table, at, where);
  return 'size' in page
    ? sql`${inside} AND ${taken}`
    : sql`${inside} AND CASE WHEN ${inside} THEN ${taken} ELSE false END`;
}

const recordedByThisRun = (at: Checkpoint): Sql =>
  sql`"error#".migration = ${at.migration} AND "error#".run = ${at.run}`;

/**
 * A condition that is not evaluated for rows with a row error. `recorded` says which row errors count, as a condition over
 * "error#", a name that no table has.
 */
export function unlessRecorded(table: Table, recorded: Sql, condition: Sql): Sql {
  return sql`CASE WHEN ${hasRowError(table, recorded)} THEN false ELSE (${condition}) END`;
}

/** The rows that meet a condition and have no such row error. The condition comes first, so that an index on it can serve. */
export function unrecordedRows(table: Table, recorded: Sql, condition: Sql): Sql {
  return sql`SELECT FROM ${table.name} WHERE (${condition}) AND NOT ${hasRowError(table, recorded)}`;
}

function hasRowError(table: Table, recorded: Sql): Sql {
  return sql`
    EXISTS (
      SELECT FROM ${ledger.rowErrors} "error#"
      WHERE ${recorded} AND "error#".key = ${keyAsJson(keyColumns(table))})`;
}

// About fifteen seconds of reading from disk, three from memory; dead versions count, too. A much longer look would hold back vacuum, and near 45 s it
// would come to nothing; another walk takes several times as long.
const affordable = 1_500_000;

/**
 * Whether rows are left that meet a condition, looked for in one statement. Also true if that would take too long, or did:
 * then another walk has to find out.
 */
export async function mayBeLeft(
  database: Database,
  table: Table,
  condition: Sql,
  at: Checkpoint,
): Promise<boolean> {
  const rows =
    at.rowErrorsOfThisRun === 0
      ? sql`SELECT FROM ${table.name} WHERE (${condition})`
      : unrecordedRows(table, recordedByThisRun(at), condition);
  try {
    // A statement that sets something is done by one process. Several read in half the time, but leave the application no processor meanwhile.
    const needed = sql`SELECT FROM (${rows}) AS "needed#", set_config('max_parallel_workers_per_gather', '0', true)`;
    if ((await explain(database, needed)).cost > affordable) {
      return true;
    }
    const [left] = await database.query(sql`SELECT EXISTS (${needed}) AS found`, { found: boolean() });
    return left?.found === true;
  } catch (error) {
    if (error instanceof DatabaseError && error.fault !== 'migration') {
      return true;
    }
    throw error;
  }
}
