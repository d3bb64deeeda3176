import { number, picklist, string } from 'valibot';
import { journalName, journalOf } from '../batch/undo-journal.ts';
import type { Database } from '../database/data-api.ts';
import { key, ownJson, type RowOf, type Shape } from '../database/row-shape.ts';
import { identifier, join, type Sql, sql, unsafeSql, withCtes } from '../database/sql.ts';
import {
  compare,
  type Key,
  keyAsJson,
  keyColumns,
  keyNames,
  keyValues,
  type Table,
} from '../database/table.ts';
import { DatabaseError, MigrationFailed } from '../errors.ts';
import type { Checkpoint } from '../ledger/checkpoint.ts';
import { statuses } from '../ledger/life-cycle.ts';
import { heldBy } from '../ledger/move.ts';
import { ledger } from '../ledger/names.ts';
import { type RowError, recorded } from '../ledger/row-errors.ts';

/** How far a migration is restored, and why: the ledger keeps it. */
export interface Restore {
  /** In words. */
  readonly because: string;
  /** The same with keys of rows. */
  readonly inFull?: string;
  /** A validation failed, and so will the run. */
  readonly invalid: boolean;
  /** Only what was changed since then, or null for all that the journal has. */
  readonly since: string | null;
  /** The last key of the journal that was looked at. */
  readonly cursor: Key | null;
  readonly restored: number;
  readonly left: number;
}

/** A checkpoint of restoring. */
export interface RestoreCheckpoint extends Checkpoint {
  readonly restore: Restore;
}

/** The columns of a migration's line that restoring moves, selected as `restoreColumns` does. */
const line = { status: picklist(statuses), batches: number(), restore: ownJson<Restore>() };

/** What a statement about restoring answers of the migration's line. */
export const restoreColumns = (from: Sql): Sql =>
  sql`${from}.status, ${from}.batches, ${from}.restore::text AS restore`;

/** Runs a statement that selects `restoreColumns`, and what it selects beside them; undefined if it found nothing of ours. */
export async function moveRestore<S extends Shape = Record<never, never>>(
  database: Database,
  at: Checkpoint,
  statement: Sql,
  beside?: S,
): Promise<{ at: RestoreCheckpoint; row: RowOf<S> } | undefined> {
  const [row] = await database.query(statement, { ...line, ...beside });
  if (row === undefined) {
    return undefined;
  }
  const { status, batches, restore } = row;
  return { at: { ...at, status, batches, restore }, row: row as RowOf<S> };
}

/** The next rows of the journal. */
function nextOf(table: Table, at: RestoreCheckpoint, size: number, condition = sql`true`): Sql {
  const { cursor } = at.restore;
  const keys = keyNames(table).map((name) => sql`j.${name}`);
  const after = cursor === null ? sql`true` : compare(keys, '>', keyValues(table, cursor));
  return sql`
    FROM ${journalOf(at.migration)} AS j WHERE ${condition} AND ${after} ORDER BY ${join(keys, ', ')} LIMIT ${size}`;
}

/**
 * The columns that the next rows of the journal have values of; none at its end. They need not be those that the migration
 * changes today. Nobody but us writes there, so that they are still the same in the statement that follows. A journal of an
 * earlier release also has values of generated columns, which a rewrite only read: the database makes them again.
 */
export async function columnsOf(
  database: Database,
  table: Table,
  at: RestoreCheckpoint,
  size: number,
): Promise<readonly string[]> {
  const rows = await database.query(
    sql`
    SELECT DISTINCT name FROM (SELECT j.before ${nextOf(table, at, size)}) AS "page#", jsonb_object_keys("page#".before) AS name
    ORDER BY name`,
    { name: string() },
  );
  const names = rows.map(({ name }) => name);
  const gone = names.filter((name) => !table.columns.has(name));
  if (gone.length === 0) {
    return names.filter((name) => !table.columns.get(name)?.isGenerated);
  }
  throw new MigrationFailed(
    `migration "${at.migration}": its undo journal ${journalName(at.migration)} has values of ${gone.join(', ')}, ` +
      'which the table does not have any more. Add the column again, or take it out of the journal ("before"), and start ' +
      'the machine again: it goes on restoring',
  );
}

/** What was done. */
export interface RestoredBatch {
  readonly at: RestoreCheckpoint;
  readonly rows: number;
}

/** Which rows of the journal are put back. */
export interface RowsToRestore {
  readonly table: Table;
  readonly at: RestoreCheckpoint;
  /** The columns that the journal has values of. */
  readonly columns: readonly string[];
  /** Rows at most. */
  readonly size: number;
}

/**
 * One statement: takes the next rows of the journal, puts back those whose last writer is still this migration, strikes
 * them out of the journal, counts the others, which stay there, and moves the checkpoint. With `bad`, the one next row is only
 * recorded and counted. Undefined if the checkpoint was not ours.
 */
export async function restoreBatch(
  database: Database,
  { table, at, columns, size }: RowsToRestore,
  bad?: RowError,
): Promise<RestoredBatch | undefined> {
  const { since } = at.restore;
  const keys = keyNames(table);
  const ofPage = keys.map((name) => sql`"page#".${name}`);
  const ofJournal = keys.map((name) => sql`j.${name}`);
  const ofRestored = keys.map((name) => sql`"restored#".${name}`);
  const due = since === null ? sql`true` : sql`j.at >= ${since}::timestamptz`;
  const isUnchanged = sql`${table.alias}.xmin = "page#".version`;
  const done = await moveRestore(
    database,
    at,
    withCtes(
      [
        heldBy(at),
        sql`
        "page#" AS MATERIALIZED (
          SELECT ${join(keys, ', ')}, j.version, j.before, ${due} AS due
          ${nextOf(table, at, size, sql`EXISTS (SELECT FROM "held#")`)}
        )`,
        sql`
        "restored#" AS (
          UPDATE ${table.name} SET ${join([...assignments(table, columns), ...unmarked(table)], ', ')}
          FROM "page#"
          WHERE ${compare(keyColumns(table), '=', ofPage)} AND ${isUnchanged} AND "page#".due AND ${bad === undefined}
          RETURNING ${join(ofPage, ', ')}
        )`,
        sql`
        "struck_out#" AS (
          DELETE FROM ${journalOf(at.migration)} AS j USING "restored#" WHERE ${compare(ofJournal, '=', ofRestored)}
        )`,
        ...(bad === undefined ? [] : [recorded(at, [bad])]),
        sql`
        "counted#" AS MATERIALIZED (
          SELECT count(*) AS page_rows, count(*) FILTER (WHERE due) AS due,
            (SELECT count(*) FROM "restored#") AS restored,
            (SELECT ${keyAsJson(keys)} FROM "page#" ORDER BY ${join(descending(keys), ', ')} LIMIT 1) AS last
          FROM "page#"
        )`,
        sql`
        "moved#" AS (
          UPDATE ${ledger.migrations} m SET batches = m.batches + 1, moved_at = now(), restore = m.restore || jsonb_build_object(
            'cursor', COALESCE("counted#".last, m.restore -> 'cursor'),
            'restored', (m.restore ->> 'restored')::bigint + "counted#".restored,
            'left', (m.restore ->> 'left')::bigint + "counted#".due - "counted#".restored)
          FROM "held#", "counted#" WHERE m.name = "held#".name
          RETURNING m.*, "counted#".page_rows
        )`,
      ],
      sql`SELECT ${restoreColumns(sql`"moved#"`)}, page_rows FROM "moved#"`,
    ),
    { page_rows: number() },
  );
  return done && { at: done.at, rows: done.row.page_rows };
}

/** Puts back the next row of the journal, or records why it cannot be, and leaves it. */
export async function restoreRow(
  database: Database,
  rows: Omit<RowsToRestore, 'size'>,
): Promise<RestoredBatch | undefined> {
  const { table, at } = rows;
  try {
    return await restoreBatch(database, { ...rows, size: 1 });
  } catch (error) {
    if (!(error instanceof DatabaseError) || error.fault !== 'row') {
      throw error;
    }
    const [next] = await database.query(
      sql`SELECT ${keyAsJson(keyNames(table))}::text AS key ${nextOf(table, at, 1)}`,
      { key },
    );
    if (next === undefined) {
      throw error;
    }
    const reason = `it could not be put back: ${error.message}`;
    const bad = { key: next.key, reason, sqlstate: error.sqlState };
    return restoreBatch(database, { ...rows, size: 1 }, bad);
  }
}

/** Each column gets back its value, where the journal has one. */
function assignments(table: Table, columns: readonly string[]): Sql[] {
  return columns.map((name) => {
    const type = unsafeSql(table.columns.get(name)?.type ?? '');
    const column = identifier(name);
    return sql`${column} = CASE WHEN "page#".before -> ${name}::text IS NULL THEN ${table.alias}.${column}
      ELSE ("page#".before ->> ${name}::text)::${type} END`;
  });
}

/** The rows are left to do again. */
function unmarked({ marker }: Table): Sql[] {
  return marker === undefined ? [] : [sql`${marker.column} = false`];
}

const descending = (names: readonly Sql[]): Sql[] => names.map((name) => sql`${name} DESC`);
