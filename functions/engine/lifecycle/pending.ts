import { boolean, nullable, number, picklist } from 'valibot';
import { tablesOf } from '../alter/alter-tables.ts';
import { unlessRecorded, unrecordedRows } from '../batch/rows-in-need.ts';
import type { Database } from '../database/data-api.ts';
import { explain } from '../database/explain.ts';
import { key } from '../database/row-shape.ts';
import { join, type Sql, sql } from '../database/sql.ts';
import { compare, describeTable, type Key, keyColumns, keyValues, type Table } from '../database/table.ts';
import type { Registered, RowMigration } from '../define/registered.ts';
import { DatabaseError } from '../errors.ts';
import { statuses } from '../ledger/life-cycle.ts';
import { ledger } from '../ledger/names.ts';

// In the planner's units, about one per page read: some thousand pages, a few milliseconds. What costs more is not
// looked at in full, so that asking a finished migration is cheap however large its table has become.
const cheap = 1_000;
// Rows after the cursor, where most new ones land, or without a mark.
const tail = 10_000;

/**
 * Whether a migration has work, without ever scanning a large finished table.
 *
 * Unfinished: yes, and so is one at whose end rows in the old form were still arriving. Never begun: a small table (or one with a helpful index) is asked, a large one needs the walk anyway.
 * Finished: asked in the same way; of a large table without a helpful index only the rows after the cursor. Rows in the
 * old form that come in elsewhere after the end are found with an index on the condition; new ones also with a marker, which has
 * one, but not those that have the mark and were set back: `countLeft` finds them.
 * Cleaned up: never again. Throws MigrationFailed if its table is not what it needs.
 *
 * @param options.isThorough Then a finished one has work, which is to look at all of its rows.
 */
export async function isPending(
  database: Database,
  migration: Registered,
  { isThorough = false } = {},
): Promise<boolean> {
  const [line] = await database.query(
    sql`
    SELECT m.status, m.cursor::text AS cursor, m.cleaned_up_at IS NOT NULL AS cleaned_up,
      COALESCE(m.result -> 'still_arriving' <> '0', false) AS still_arriving
    FROM ${ledger.migrations} m WHERE m.name = ${migration.name}`,
    { status: picklist(statuses), cursor: nullable(key), cleaned_up: boolean(), still_arriving: boolean() },
  );
  if (line?.cleaned_up) {
    return false;
  }
  if (line !== undefined && line.status !== 'finished' && line.status !== 'restored') {
    return true;
  }
  if (line?.status === 'finished' && (isThorough || line.still_arriving)) {
    return true;
  }
  if (migration.kind === 'alterTables') {
    return (await tablesOf(database, migration)).some(({ lacks }) => lacks);
  }

  const table = await describeTable(database, migration);
  const finished = line?.status === 'finished' ? line : undefined;
  const { where } = migration;
  if (table.marker && (await areUnmarkedPending(database, migration, table, table.marker.left))) {
    return true;
  }
  if (where !== undefined) {
    return arePending(database, migration, table, where, finished);
  }
  if (table.marker) {
    return false;
  }
  return finished === undefined && (await exists(database, sql`SELECT FROM ${table.name}`));
}

const recordedFor = (migration: string): Sql => sql`"error#".migration = ${migration}`;

/**
 * Whether rows without a mark need the change. Rows written since the migration ended have no mark either, and mostly need
 * nothing: as long as they are few, `where` is evaluated for them. They are read in the key's order, so that the planner
 * takes the marker's own index however many rows it expects.
 */
async function areUnmarkedPending(
  database: Database,
  { name, where }: RowMigration,
  table: Table,
  left: Sql,
): Promise<boolean> {
  const unknown = unlessRecorded(table, recordedFor(name), sql`true`);
  const most = where === undefined ? 1 : tail;
  try {
    const [found] = await database.query(
      sql`
      SELECT count(*) AS unmarked, count(*) FILTER (WHERE ${where ?? sql`true`}) AS needed FROM (
        SELECT * FROM ${table.name} WHERE ${left} AND ${unknown} ORDER BY ${keyOrder(table)} LIMIT ${most}
      ) AS ${table.alias}`,
      { unmarked: number(), needed: number() },
    );
    return found !== undefined && (found.needed > 0 || found.unmarked >= most);
  } catch (error) {
    if (isOfARow(error)) {
      return true;
    }
    throw error;
  }
}

/** Whether rows meet the migration's condition; `finished` is its line in the ledger if it has been through the table. */
async function arePending(
  database: Database,
  { name }: RowMigration,
  table: Table,
  where: Sql,
  finished: { readonly cursor: Key | null } | undefined,
): Promise<boolean> {
  const needed = unrecordedRows(table, recordedFor(name), where);
  if ((await explain(database, needed)).cost <= cheap) {
    try {
      return await exists(database, needed);
    } catch (error) {
      if (!isOfARow(error)) {
        throw error;
      }
      const unknown = unlessRecorded(table, recordedFor(name), where);
      return existsOrFails(database, sql`SELECT FROM ${table.name} WHERE ${unknown}`);
    }
  }
  if (finished === undefined) {
    return true;
  }
  if (finished.cursor === null) {
    return exists(database, sql`SELECT FROM ${table.name}`);
  }
  return existsOrFails(
    database,
    sql`SELECT FROM (
      SELECT * FROM ${table.name} WHERE ${compare(keyColumns(table), '>', keyValues(table, finished.cursor))}
      ORDER BY ${keyOrder(table)} LIMIT ${tail}
    ) AS ${table.alias} WHERE (${where})`,
  );
}

const isOfARow = (error: unknown): boolean => error instanceof DatabaseError && error.fault === 'row';

const keyOrder = (table: Table): Sql => join(keyColumns(table), ', ');

async function exists(database: Database, query: Sql): Promise<boolean> {
  const [row] = await database.query(sql`SELECT EXISTS (${query}) AS found`, { found: boolean() });
  return row?.found === true;
}

/** Whether a row is found. True also for a row on which the condition fails: the batches will record it. */
async function existsOrFails(database: Database, query: Sql): Promise<boolean> {
  try {
    return await exists(database, query);
  } catch (error) {
    if (isOfARow(error)) {
      return true;
    }
    throw error;
  }
}
