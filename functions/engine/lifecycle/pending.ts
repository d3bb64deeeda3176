import { tablesOf } from '../alter/alter-tables.ts';
import { unless } from '../batch/rows-in-need.ts';
import type { Database, Row } from '../database/data-api.ts';
import { type Sql, sql } from '../database/sql.ts';
import {
  compare,
  describeTable,
  type Key,
  keyAsJson,
  keyColumns,
  keyValues,
  type Table,
} from '../database/table.ts';
import type { Migration, RowMigration } from '../define/migration.ts';
import { DatabaseError } from '../errors.ts';
import { type Checkpoint, ofThisRun } from '../ledger/checkpoint.ts';
import { ledger } from '../ledger/names.ts';

// In the planner's units, about one per page read: some thousand pages, a few milliseconds. What costs more is not
// looked at in full, so that asking a finished migration is cheap however large its table has become.
const cheap = 1_000;
// Rows after the cursor, where most new ones land, or without a mark.
const tail = 10_000;
// Counting so few takes milliseconds; beyond, the planner's estimate does for showing progress.
const countable = 100_000;

/**
 * Whether a migration has work, without ever scanning a large finished table.
 *
 * Unfinished: yes. Never begun: a small table (or one with a helpful index) is asked, a large one needs the walk anyway.
 * Finished: asked in the same way; of a large table without a helpful index only the rows after the cursor. Rows in the
 * old form that come in elsewhere after the end are found with an index on the condition, or with a marker, which has one.
 * Cleaned up: never again. Throws MigrationFailed if its table is not what it needs.
 */
export async function isPending(database: Database, migration: Migration): Promise<boolean> {
  const [line] = await database.query(sql`
    SELECT m.status, m.cursor::text AS cursor, m.cleaned_up_at IS NOT NULL AS cleaned_up
    FROM ${ledger.migrations} m WHERE m.name = ${migration.name}`);
  if (line?.cleaned_up) {
    return false;
  }
  if (line !== undefined && line.status !== 'finished' && line.status !== 'restored') {
    return true;
  }
  if (migration.kind === 'alterTables') {
    return (await tablesOf(database, migration)).some(({ lacks }) => lacks);
  }

  const table = await describeTable(database, migration);
  const before = line?.status === 'finished' ? line : undefined;
  const { where } = migration;
  if (table.marker && (await areUnmarkedPending(database, migration, table, table.marker.left))) {
    return true;
  }
  if (where !== undefined) {
    return arePending(database, migration, table, where, before);
  }
  if (table.marker) {
    return false;
  }
  return before === undefined && (await exists(database, sql`SELECT FROM ${table.name}`));
}

/**
 * Whether rows without a mark need the change. Those written since the end have none either, and mostly need nothing: they
 * are asked, as long as they are few. In the key's order, so that the plan is the marker's own index whatever the planner
 * believes of how many there are.
 */
async function areUnmarkedPending(
  database: Database,
  { name, where }: RowMigration,
  table: Table,
  left: Sql,
): Promise<boolean> {
  const unknown = unless(table, sql`"error#".migration = ${name}`, sql`true`);
  const most = where === undefined ? 1 : tail;
  try {
    const [row] = await database.query(sql`
      SELECT count(*) AS unmarked, count(*) FILTER (WHERE ${where ?? sql`true`}) AS needed FROM (
        SELECT * FROM ${table.name} WHERE ${left} AND ${unknown} ORDER BY ${keyOrder(table)} LIMIT ${most}
      ) AS ${table.alias}`);
    return Number(row?.needed) > 0 || Number(row?.unmarked) >= most;
  } catch (error) {
    if (isOfARow(error)) {
      return true;
    }
    throw error;
  }
}

/** Whether rows meet a condition that says they are in need. */
async function arePending(
  database: Database,
  migration: RowMigration,
  table: Table,
  where: Sql,
  before: Row | undefined,
): Promise<boolean> {
  const needed = rowsInNeed(table, where, sql`"error#".migration = ${migration.name}`);
  if ((await plan(database, needed))['Total Cost'] <= cheap) {
    try {
      return await exists(database, needed);
    } catch (error) {
      if (!isOfARow(error)) {
        throw error;
      }
      const known = sql`"error#".migration = ${migration.name}`;
      const unknown = sql`SELECT FROM ${table.name} WHERE ${unless(table, known, where)}`;
      return existsOrFails(database, unknown);
    }
  }
  if (before === undefined) {
    return true;
  }

  const cursor = before.cursor === null ? [] : (JSON.parse(String(before.cursor)) as Key);
  if (cursor.length === 0) {
    return exists(database, sql`SELECT FROM ${table.name}`);
  }
  const columns = keyColumns(table);
  return existsOrFails(
    database,
    sql`SELECT FROM (
      SELECT * FROM ${table.name} WHERE ${compare(columns, '>', keyValues(table, cursor))}
      ORDER BY ${keyOrder(table)} LIMIT ${tail}
    ) AS ${table.alias} WHERE (${where})`,
  );
}

/** The rows that match `where`, without those recorded as row errors that meet a condition over "error#". */
function rowsInNeed(table: Table, where: Sql, recorded: Sql): Sql {
  return sql`
    SELECT FROM ${table.name} WHERE (${where}) AND NOT EXISTS (
      SELECT FROM ${ledger.rowErrors} "error#"
      WHERE ${recorded} AND "error#".key = ${keyAsJson(keyColumns(table))})`;
}

// About five seconds of reading; a longer look would hold back vacuum, and near 45 s it would come to nothing.
const affordable = 500_000;

/**
 * Whether rows are left that need the change, looked for in one statement: true also where that would take too long, or
 * did, and another walk has to find out.
 */
export async function mayBeLeft(
  database: Database,
  table: Table,
  where: Sql,
  at: Checkpoint,
): Promise<boolean> {
  const known = sql`"error#".migration = ${at.migration} AND ${ofThisRun(sql`"error#".run`, sql`${at.run}`)}`;
  const needed =
    at.rowErrorsOfThisRun === 0
      ? sql`SELECT FROM ${table.name} WHERE (${where})`
      : rowsInNeed(table, where, known);
  try {
    if ((await plan(database, needed))['Total Cost'] > affordable) {
      return true;
    }
    // Counted, because most often there is none: for EXISTS the planner hopes to find one at once, and so reads with one
    // process what several would read in half the time.
    const [left] = await database.query(sql`SELECT count(*) AS rows FROM (${needed}) AS needed`);
    return Number(left?.rows) > 0;
  } catch (error) {
    if (error instanceof DatabaseError && error.fault !== 'migration') {
      return true;
    }
    throw error;
  }
}

const isOfARow = (error: unknown): boolean => error instanceof DatabaseError && error.fault === 'row';

const keyOrder = (table: Table): Sql => keyColumns(table).reduce((order, column) => sql`${order}, ${column}`);

async function exists(database: Database, query: Sql): Promise<boolean> {
  const [row] = await database.query(sql`SELECT EXISTS (${query}) AS found`);
  return row?.found === true;
}

/** Whether a row is found, or one of which the condition cannot even be asked: the walk will record it. */
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

interface Plan {
  readonly 'Total Cost': number;
  readonly 'Plan Rows': number;
}

/** What the planner expects of a query. */
export async function plan(database: Database, query: Sql): Promise<Plan> {
  const [row] = await database.query(sql`EXPLAIN (FORMAT JSON) ${query}`);
  const [explained] = JSON.parse(String(row?.['QUERY PLAN'])) as [{ readonly Plan: Plan }];
  return explained.Plan;
}

/** How many rows, or tables, a migration looks at: counted if they are few, else as the planner knows it. */
export async function rowsKnown(database: Database, migration: Migration): Promise<number> {
  if (migration.kind === 'alterTables') {
    return (await tablesOf(database, migration)).length;
  }
  const table = await describeTable(database, migration);
  const rows = sql`SELECT FROM ${table.name} WHERE ${table.marker?.left ?? sql`true`}`;
  const estimate = (await plan(database, rows))['Plan Rows'];
  if (estimate > countable) {
    return estimate;
  }
  const [row] = await database.query(sql`SELECT count(*) AS rows FROM (${rows} LIMIT ${countable}) AS few`);
  return Number(row?.rows);
}
