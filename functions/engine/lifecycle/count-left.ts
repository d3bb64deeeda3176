import { nullable, number } from 'valibot';
import { unlessRecorded } from '../batch/rows-in-need.ts';
import type { Database } from '../database/data-api.ts';
import { key } from '../database/row-shape.ts';
import { join, sql, when } from '../database/sql.ts';
import { compare, describeTable, type Key, keyAsJson, keyColumns, keyValues } from '../database/table.ts';
import type { RowMigration } from '../define/registered.ts';
import { DatabaseError } from '../errors.ts';

interface Page {
  readonly rows: number;
  readonly needed: number;
  readonly last: Key | null;
}

// A second or two of reading.
const mostRows = 50_000;

/**
 * Counts the rows that match a migration's `where` and are not recorded as row errors, looking at every row of the table, page
 * by page. Nothing is locked, and no snapshot is held longer than a page takes.
 *
 * @returns undefined for a migration without `where`, whose rows look the same before and after.
 * @throws DatabaseError for a condition that fails, or a table that cannot be read even row by row.
 */
export async function countLeft(database: Database, migration: RowMigration): Promise<number | undefined> {
  const { name, where } = migration;
  if (where === undefined) {
    return undefined;
  }
  const table = await describeTable(database, migration);
  const columns = keyColumns(table);
  const order = join(columns, ', ');
  const last = join(
    columns.map((column) => sql`${column} DESC`),
    ', ',
  );
  const needed = unlessRecorded(table, sql`"error#".migration = ${name}`, where);
  let after: Key | null = null;
  let left = 0;
  for (let limit = mostRows; ; ) {
    try {
      const [page]: Page[] = await database.query(
        sql`
        WITH "page#" AS MATERIALIZED (
          SELECT * FROM ${table.name}
          ${when(after, sql`WHERE ${compare(columns, '>', keyValues(table, after ?? []))}`)}
          ORDER BY ${order} LIMIT ${limit}
        )
        SELECT count(*) AS rows, count(*) FILTER (WHERE ${needed}) AS needed,
          (SELECT ${keyAsJson(columns)}::text FROM "page#" AS ${table.alias} ORDER BY ${last} LIMIT 1) AS last
        FROM "page#" AS ${table.alias}`,
        { rows: number(), needed: number(), last: nullable(key) },
      );
      const { rows, needed: found, last: reached }: Page = page ?? { rows: 0, needed: 0, last: null };
      left += found;
      if (rows < limit || reached === null) {
        return left;
      }
      after = reached;
    } catch (error) {
      if (!(error instanceof DatabaseError && error.isTimeout) || limit === 1) {
        throw error;
      }
      limit = Math.max(1, Math.floor(limit / 10));
    }
  }
}
