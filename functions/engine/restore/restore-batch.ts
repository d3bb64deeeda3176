import { journalName, journalOf } from '../batch/undo-journal.ts';
import type { Database, Row } from '../database/data-api.ts';
import { identifier, join, type Sql, sql, unsafeSql, when } from '../database/sql.ts';
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
import { type Checkpoint, heldBy } from '../ledger/checkpoint.ts';
import { ledger } from '../ledger/names.ts';
import { type RowError, recorded } from '../ledger/row-errors.ts';

/** How far a migration is restored, and why: the ledger keeps it. */
export interface Restore {
  /** In words. */
  readonly because: string;
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
export interface At extends Checkpoint {
  readonly restore: Restore;
}

/** The checkpoint that a line of the ledger says. */
export function movedTo(at: Checkpoint, { status, batches, restore }: Row): At {
  return {
    ...at,
    status: status as Checkpoint['status'],
    batches: Number(batches),
    restore: JSON.parse(String(restore)) as Restore,
  };
}

/** The next rows of the journal. */
function nextOf(table: Table, at: At, size: number, condition = sql`true`): Sql {
  const { cursor } = at.restore;
  const keys = keyNames(table).map((name) => sql`j.${name}`);
  const after = cursor === null ? sql`true` : compare(keys, '>', keyValues(table, cursor));
  return sql`
    FROM ${journalOf(at.migration)} AS j WHERE ${condition} AND ${after} ORDER BY ${join(keys, ', ')} LIMIT ${size}`;
}

/**
 * The columns that the next rows of the journal have values of; none at its end. They need not be those that the migration
 * changes today. Nobody but us writes there, so that they are still the same in the statement that follows.
 */
export async function columnsOf(
  database: Database,
  table: Table,
  at: At,
  size: number,
): Promise<readonly string[]> {
  const rows = await database.query(sql`
    SELECT DISTINCT name FROM (SELECT j.before ${nextOf(table, at, size)}) AS page, jsonb_object_keys(page.before) AS name
    ORDER BY name`);
  const names = rows.map(({ name }) => String(name));
  const gone = names.filter((name) => !table.columns.has(name));
  if (gone.length === 0) {
    return names;
  }
  throw new MigrationFailed(
    `migration "${at.migration}": its undo journal ${journalName(at.migration)} has values of ${gone.join(', ')}, ` +
      'which the table does not have any more. Add the column again, or take it out of the journal ("before"), and start ' +
      'the machine again: it goes on restoring',
  );
}

/** What was done. */
export interface Batch {
  readonly at: At;
  readonly rows: number;
}

/**
 * One statement: takes the next rows of the journal, puts back those whose last writer is still this migration, strikes
 * them out of the journal, counts the others, which stay there, and moves the checkpoint. Undefined if that was not ours.
 */
export async function putBack(
  database: Database,
  table: Table,
  at: At,
  columns: readonly string[],
  size: number,
  bad?: RowError,
): Promise<Batch | undefined> {
  const { since } = at.restore;
  const keys = keyNames(table);
  const ofPage = keys.map((name) => sql`page.${name}`);
  const due = since === null ? sql`true` : sql`j.at >= ${since}::timestamptz`;
  const [row] = await database.query(sql`
    WITH ${heldBy(at)},
    page AS MATERIALIZED (
      SELECT ${join(keys, ', ')}, j.version, j.before, ${due} AS due
      ${nextOf(table, at, size, sql`EXISTS (SELECT FROM held)`)}
    ),
    restored AS (
      UPDATE ${table.name} SET ${join([...assignments(table, columns), ...unmarked(table)], ', ')}
      FROM page
      WHERE ${compare(keyColumns(table), '=', ofPage)} AND ${table.alias}.xmin = page.version AND page.due
        ${when(bad, sql`AND false`)}
      RETURNING ${join(ofPage, ', ')}
    ),
    struck_out AS (
      DELETE FROM ${journalOf(at.migration)} AS j USING restored
      WHERE ${compare(
        keys.map((name) => sql`j.${name}`),
        '=',
        keys.map((name) => sql`restored.${name}`),
      )}
    )
    ${when(bad, sql`, ${recorded(at, bad === undefined ? [] : [bad])}`)},
    counted AS MATERIALIZED (
      SELECT count(*) AS page_rows, count(*) FILTER (WHERE due) AS due, (SELECT count(*) FROM restored) AS restored FROM page
    ),
    moved AS (
      UPDATE ${ledger.migrations} m SET batches = m.batches + 1, restore = m.restore || jsonb_build_object(
        'cursor', COALESCE((SELECT ${keyAsJson(keys)} FROM page ORDER BY ${join(descending(keys), ', ')} LIMIT 1), m.restore -> 'cursor'),
        'restored', (m.restore ->> 'restored')::bigint + counted.restored,
        'left', (m.restore ->> 'left')::bigint + counted.due - counted.restored)
      FROM held, counted WHERE m.name = held.name
      RETURNING m.status, m.batches, m.restore::text AS restore, counted.page_rows
    )
    SELECT * FROM moved`);
  return row && { at: movedTo(at, row), rows: Number(row.page_rows) };
}

/** Puts back the next row of the journal, or records why it cannot be, and leaves it. */
export async function putBackOne(
  database: Database,
  table: Table,
  at: At,
  columns: readonly string[],
): Promise<Batch | undefined> {
  try {
    return await putBack(database, table, at, columns, 1);
  } catch (error) {
    if (!(error instanceof DatabaseError) || error.fault !== 'row') {
      throw error;
    }
    const [next] = await database.query(
      sql`SELECT ${keyAsJson(keyNames(table))}::text AS key ${nextOf(table, at, 1)}`,
    );
    const key = JSON.parse(String(next?.key)) as Key;
    const reason = `it could not be put back: ${error.message}`;
    return putBack(database, table, at, columns, 1, { key, reason, sqlstate: error.sqlState });
  }
}

/** Each column gets back its value, where the journal has one. */
function assignments(table: Table, columns: readonly string[]): Sql[] {
  return columns.map((name) => {
    const type = unsafeSql(table.columns.get(name)?.type ?? '');
    const column = identifier(name);
    return sql`${column} = CASE WHEN page.before -> ${name}::text IS NULL THEN ${table.alias}.${column}
      ELSE (page.before ->> ${name}::text)::${type} END`;
  });
}

/** The rows are left to do again. */
function unmarked({ marker }: Table): Sql[] {
  return marker === undefined ? [] : [sql`${marker.column} = false`];
}

const descending = (names: readonly Sql[]): Sql[] => names.map((name) => sql`${name} DESC`);
