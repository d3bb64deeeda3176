import { nullable, string } from 'valibot';
import type { Database } from '../database/data-api.ts';
import { key } from '../database/row-shape.ts';
import { join, type Sql, sql, when, withCtes } from '../database/sql.ts';
import { compare, type Key, keyAsJson, keyColumns, keyNames, type Table } from '../database/table.ts';
import type { DatabaseError } from '../errors.ts';
import type { Checkpoint } from './checkpoint.ts';
import { listWithout } from './conflicted.ts';
import { heldBy, type Move, move, moved } from './move.ts';
import { ledger } from './names.ts';

/** A row that could not be migrated, and why. */
export interface RowError {
  /** As text, one for each column of the key. */
  readonly key: Key;
  /** What PostgreSQL, or `transform`, said of it; up to 300 characters. */
  readonly reason: string;
  /** PostgreSQL's code for it; null where it was not PostgreSQL that refused the row. */
  readonly sqlstate: string | null;
}

// Enough for PostgreSQL's own messages with the offending value; ten of them are far from any limit of a result map.
const longestReason = 300;

/** A CTE that records row errors, given as jsonb `[{key, reason, sqlstate}]`; recorded again, the latest reason counts. */
export function recorded(at: Checkpoint, errors: readonly RowError[]): Sql {
  const rows = errors.map(({ key, reason, sqlstate }) => ({
    key,
    reason: reason.replaceAll('\0', '').slice(0, longestReason).toWellFormed(),
    sqlstate,
  }));
  return sql`
    "recorded#" AS (
      INSERT INTO ${ledger.rowErrors} (migration, key, run, reason, sqlstate)
      SELECT "held#".name, e.key, ${at.run}, e.reason, e.sqlstate
      FROM "held#", jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) AS e (key jsonb, reason text, sqlstate text)
      ON CONFLICT (migration, key)
        DO UPDATE SET run = excluded.run, reason = excluded.reason, sqlstate = excluded.sqlstate, at = now()
    )`;
}

/** Why a row is bad that its change would not get out of the rows in need: each further look would change it again. */
export const stillMatches = 'it still matches "where" after its change';

/**
 * The number of rows that a batch has changed, of the CTE "done#". Should one of them still match `where`, the batch fails here
 * and so changes nothing: what one change does not settle, another would do again. Text that is no number fails, as the row's fault;
 * with something of the row in it, since what is constant the planner would compute beforehand.
 */
export const updatedUnlessMatching = sql`(
          SELECT CASE WHEN still_matching = 0 THEN updated ELSE (${stillMatches} || left(still_matching::text, 0))::bigint END
          FROM "done#")`;

/** The row's error as it is recorded: key, reason, SQLSTATE. */
export function rowErrorOf(key: Key, { message, sqlState }: DatabaseError): RowError {
  return message.includes(stillMatches)
    ? { key, reason: stillMatches, sqlstate: null }
    : { key, reason: message, sqlstate: sqlState };
}

/** Why a row is bad that a trigger keeps as it was: it answered NULL instead of the new row. */
export const refused =
  'the row stayed as it was although nobody else changed it: a trigger may have refused the change';

/**
 * A CTE that records as bad the rows of the CTE "old#" which are not in the CTE "changed_rows#", and returns their keys. With
 * `differs`, a condition for rows of the table, only those that the change would have made different: a trigger may well skip
 * the others, as `suppress_redundant_updates_trigger` does.
 */
export function recordedRefused(table: Table, at: Checkpoint, differs: Sql | undefined): Sql {
  const key = join(keyNames(table), ', ');
  return sql`
    "refused#" AS (
      INSERT INTO ${ledger.rowErrors} (migration, key, run, reason)
      SELECT "held#".name, ${keyAsJson(keyNames(table))}, ${at.run}, ${refused}
      FROM "held#", (SELECT ${key} FROM "old#" EXCEPT SELECT ${key} FROM "changed_rows#") AS "left#"
      ${when(
        differs !== undefined,
        sql`WHERE EXISTS (
          SELECT FROM ${table.name} WHERE ${compare(keyColumns(table), '=', keyNames(table))} AND ${differs ?? null})`,
      )}
      ON CONFLICT (migration, key)
        DO UPDATE SET run = excluded.run, reason = excluded.reason, sqlstate = NULL, at = now()
      RETURNING key
    )`;
}

/** Records one row as bad and moves the checkpoint past it: the cursor for the next row, or the list of conflicted keys. */
export async function recordRowError(
  database: Database,
  at: Checkpoint,
  error: RowError,
  place: 'next' | 'behind',
): Promise<Checkpoint | undefined> {
  const own = JSON.stringify(error.key);
  const forward: Move =
    place === 'behind'
      ? { conflicted: listWithout(at, [error.key]) }
      : { cursor: sql`${own}::jsonb`, processed: at.pass === 1 ? sql`1` : sql`0` };
  const done = await move(
    database,
    at,
    withCtes([heldBy(at), recorded(at, [error]), moved(at, forward)], sql`SELECT * FROM "moved#"`),
  );
  return done && withRowErrors(done.at, 1);
}

/** Records rows as bad: from now on the batches of this run leave them out. The cursor stays. */
export async function recordRowErrors(
  database: Database,
  at: Checkpoint,
  errors: readonly RowError[],
): Promise<Checkpoint | undefined> {
  const done = await move(
    database,
    at,
    withCtes([heldBy(at), recorded(at, errors), moved(at, {})], sql`SELECT * FROM "moved#"`),
  );
  return done && withRowErrors(done.at, errors.length);
}

/** The checkpoint after `count` more row errors. */
export function withRowErrors(at: Checkpoint, count: number): Checkpoint {
  return {
    ...at,
    rowErrors: at.rowErrors + count,
    rowErrorsOfThisRun: at.rowErrorsOfThisRun + count,
  };
}

/** A CTE that deletes the row errors of the rows in the CTE "changed_rows#": they are migrated now. No CTE is needed while there are none. */
export function solved(table: Table, at: Checkpoint): Sql[] {
  if (at.rowErrors === 0) {
    return [];
  }
  return [
    sql`
    "solved#" AS (
      DELETE FROM ${ledger.rowErrors} e USING "held#", "changed_rows#"
      WHERE e.migration = "held#".name AND e.key = ${keyAsJson(keyNames(table))}
    )`,
  ];
}

/** A condition for row errors `e` that this run has not recorded. */
export function ofEarlierRuns(run: Sql): Sql {
  return sql`e.run <> ${run}`;
}

/** The row errors of a migration, oldest first, at most `limit`. */
export async function rowErrors(
  database: Database,
  migration: string,
  limit: number,
): Promise<readonly (RowError & { readonly run: string })[]> {
  return database.query(
    sql`
    SELECT e.key::text AS key, e.reason, e.sqlstate, e.run FROM ${ledger.rowErrors} e
    WHERE e.migration = ${migration} ORDER BY e.at, length(e.key::text), e.key LIMIT ${limit}`,
    { key, reason: string(), sqlstate: nullable(string()), run: string() },
  );
}
