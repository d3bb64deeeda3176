import { number } from 'valibot';
import { insidePage, pageOf } from '../batch/page.ts';
import { takenBy } from '../batch/rows-in-need.ts';
import type { Database } from '../database/data-api.ts';
import { key } from '../database/row-shape.ts';
import { join, type Sql, sql, withCtes } from '../database/sql.ts';
import { compare, type Key, keyAsJson, keyColumns, keyValues, type Table } from '../database/table.ts';
import type { RowMigration } from '../define/registered.ts';
import { DatabaseError } from '../errors.ts';
import type { Checkpoint } from '../ledger/checkpoint.ts';
import { readShown, type Shown } from './row-diff.ts';
import { mostRows, stopwatch, type Tried } from './trial-batches.ts';

/** What the work gives; undefined if a row or the moment is against it. */
export async function attempt<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof DatabaseError && error.fault !== 'migration') {
      return undefined;
    }
    throw error;
  }
}

/** The key before the first row in need, so that there is something to see: rows before it may be right already. */
export async function beforeFirstInNeed(
  database: Database,
  { where }: RowMigration,
  table: Table,
  at: Checkpoint,
): Promise<Key | null> {
  const columns = keyColumns(table);
  const firstKey = async (condition: Sql, order: readonly Sql[]): Promise<Key | undefined> => {
    const [row] = await database.query(
      sql`
      SELECT ${keyAsJson(columns)}::text AS key FROM ${table.name} WHERE ${condition}
      ORDER BY ${join(order, ', ')} LIMIT 1`,
      { key },
    );
    return row?.key;
  };
  const needed = takenBy({ size: mostRows }, table, at, where);
  const ahead =
    at.cursor === null ? needed : sql`${compare(columns, '>', keyValues(table, at.cursor))} AND ${needed}`;
  // Where it takes too long to find one, or the condition fails, the trial begins at the cursor.
  const first = await attempt(() => firstKey(ahead, columns));
  if (first === undefined) {
    return at.cursor;
  }
  const descending = columns.map((column) => sql`${column} DESC`);
  return (await firstKey(compare(columns, '<', keyValues(table, first)), descending)) ?? null;
}

/** Asks the condition of the page's rows, as a batch would, and changes none. */
export async function lookAt({ sandbox, migration, table, at, now }: Tried) {
  const page = { size: mostRows };
  const needed = takenBy(page, table, at, migration.where);
  const watch = stopwatch(sandbox, now);
  const [row] = await sandbox.database.query(
    withCtes(
      pageOf(table, at, page),
      sql`
      SELECT page_rows, (
        SELECT count(*) FROM ${table.name} WHERE ${insidePage(table, at, page)} AND ${needed}) AS needed
      FROM "counted#"`,
    ),
    { page_rows: number(), needed: number() },
  );
  const { seconds } = watch();
  return { rows: row?.page_rows ?? 0, inNeed: row?.needed ?? 0, seconds };
}

/** The first rows in need of the page. */
export function firstInNeed({ sandbox, migration, table, at }: Tried): Promise<Shown[]> {
  const { columns, where } = migration;
  const page = { size: mostRows };
  const condition = takenBy(page, table, at, where);
  return readShown(sandbox.database, { table, columns, at, page, condition });
}
