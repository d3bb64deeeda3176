import { number } from 'valibot';
import { tablesOf } from '../alter/alter-tables.ts';
import type { Database } from '../database/data-api.ts';
import { explain } from '../database/explain.ts';
import { sql } from '../database/sql.ts';
import { describeTable } from '../database/table.ts';
import type { Registered } from '../define/registered.ts';

// Counting so few takes milliseconds; beyond, the planner's estimate does for showing progress.
const countable = 100_000;

/** How many rows, or tables, a migration looks at: counted if they are few, else as the planner knows it. */
export async function rowsKnown(database: Database, migration: Registered): Promise<number> {
  if (migration.kind === 'alterTables') {
    return (await tablesOf(database, migration)).length;
  }
  const table = await describeTable(database, migration);
  const rows = sql`SELECT FROM ${table.name} WHERE ${table.marker?.left ?? sql`true`}`;
  const estimate = (await explain(database, rows)).rows;
  if (estimate > countable) {
    return estimate;
  }
  const [few] = await database.query(sql`SELECT count(*) AS rows FROM (${rows} LIMIT ${countable}) AS few`, {
    rows: number(),
  });
  return few?.rows ?? 0;
}
