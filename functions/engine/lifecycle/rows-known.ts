import { number } from 'valibot';
import { tablesOf } from '../alter/alter-tables.ts';
import type { Database } from '../database/data-api.ts';
import { explain } from '../database/explain.ts';
import { sql } from '../database/sql.ts';
import { describeTable } from '../database/table.ts';
import type { Registered } from '../define/registered.ts';

// Counting so few takes milliseconds; beyond, the planner's estimate does for showing progress.
const countable = 100_000;
// The planner reckons by a table's size on disk, which updates multiply until it is vacuumed: up to so many times as many rows as there are
// are counted all the same. At worst, with dead rows of 2 kB, that reads 1 GB, which takes seconds.
const overestimate = 5;

/** What is known of a migration's size before it begins, or goes on. */
export interface Known {
  /** Rows, or tables, that it will look at. */
  readonly rows: number;
  /** What it has been through before is not among them. */
  readonly areLeft: boolean;
  /** Else it is what the planner expects. */
  readonly isCounted: boolean;
}

/**
 * How many rows, or tables, a migration looks at: counted if they are few, else as the planner expects. With a marker, these are the rows
 * that are left, unless it looks at all of them.
 */
export async function rowsKnown(
  database: Database,
  migration: Registered,
  { isThorough }: { readonly isThorough: boolean },
): Promise<Known> {
  if (migration.kind === 'alterTables') {
    return { rows: (await tablesOf(database, migration)).length, areLeft: false, isCounted: true };
  }
  const table = await describeTable(database, migration);
  const areLeft = migration.marker !== undefined && !isThorough;
  const rows = sql`SELECT FROM ${table.name} WHERE ${(areLeft && table.marker?.left) || sql`true`}`;
  const estimate = (await explain(database, rows)).rows;
  if (estimate > countable * overestimate) {
    return { rows: estimate, areLeft, isCounted: false };
  }
  const [few] = await database.query(sql`SELECT count(*) AS rows FROM (${rows} LIMIT ${countable}) AS few`, {
    rows: number(),
  });
  const counted = few?.rows ?? 0;
  return counted < countable
    ? { rows: counted, areLeft, isCounted: true }
    : { rows: Math.max(estimate, counted), areLeft, isCounted: false };
}
