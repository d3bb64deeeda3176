import { number } from 'valibot';
import type { Database } from '../database/data-api.ts';
import { explain } from '../database/explain.ts';
import { type Sql, sql } from '../database/sql.ts';
import type { Table } from '../database/table.ts';
import { DatabaseError } from '../errors.ts';

/** A number of rows, and how it was found: counted one by one, or estimated by PostgreSQL's planner. */
export interface RowCount {
  readonly rows: number;
  readonly how: 'counted' | 'estimated';
}

// Counting this many takes a fraction of a second, and whoever reads a larger number does not mind if it is about right.
const mostCounted = 100_000;

/**
 * Counts the rows of a table that meet a condition: one by one up to 100,000, beyond that by the planner's estimate. The
 * estimate also serves where counting takes too long, or where a row makes the condition fail. Throws DatabaseError for a
 * condition that is wrong for every row.
 */
export async function countRows(database: Database, table: Table, condition: Sql): Promise<RowCount> {
  const rows = sql`SELECT FROM ${table.name} WHERE ${condition}`;
  const estimated = async (least: number): Promise<RowCount> => ({
    rows: Math.max(least, (await explain(database, rows)).rows),
    how: 'estimated',
  });
  try {
    const [found] = await database.query(
      sql`SELECT count(*) AS rows FROM (${rows} LIMIT ${mostCounted + 1}) AS first_rows`,
      { rows: number() },
    );
    const counted = found?.rows ?? 0;
    return counted <= mostCounted ? { rows: counted, how: 'counted' } : await estimated(counted);
  } catch (error) {
    if (!(error instanceof DatabaseError) || error.fault === 'migration') {
      throw error;
    }
    return estimated(0);
  }
}
