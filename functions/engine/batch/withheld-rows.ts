import { string } from 'valibot';
import { key } from '../database/row-shape.ts';
import { join, type Sql, sql, withCtes } from '../database/sql.ts';
import { compare, keyAsJson, keyColumns, keyNames, namedKey } from '../database/table.ts';
import type { BatchInput, Page } from '../define/batch.ts';
import type { RowError } from '../ledger/row-errors.ts';
import { inKeyOrder, insidePage, pageOf } from './page.ts';
import { takenInside } from './rows-in-need.ts';

/** Why a row is bad that our role sees, but may not change. */
const reason =
  'row-level security lets the role of the migrations read this row, but not change it: add a policy FOR UPDATE, or give it BYPASSRLS';

// Each takes up to some hundred bytes of a result that may have a million.
const mostFound = 1_000;

/**
 * The rows of a page that need the change, and that policies of row-level security let our role read, but not change, at most so many. An
 * UPDATE passes over such rows without a word, and so does a SELECT that locks rows, which is how they are found: seen, and not locked. A
 * row that somebody deletes at that moment looks the same, so those found are looked at again: they are still there, in the same version.
 */
export async function withheldRows(
  { database, table, at }: BatchInput,
  where: Sql | undefined,
  page: Page,
  most: number,
): Promise<readonly RowError[]> {
  const seen = takenInside(page, table, at, where);
  const columns = keyColumns(table);
  const versioned = sql`SELECT ${keyAsJson(columns)}::text AS key, ${table.alias}.xmin::text AS version FROM ${table.name}`;
  const shape = { key, version: string() };
  const found = await database.query(
    withCtes(
      [
        sql`
        "settings#" AS MATERIALIZED (SELECT set_config('lock_timeout', '2s', true))`,
        ...pageOf(table, at, page),
        sql`
        "ours#" AS MATERIALIZED (
          SELECT ${namedKey(table)} FROM ${table.name} WHERE EXISTS (SELECT FROM "settings#") AND ${seen}
          ${inKeyOrder(table, page)}
          FOR KEY SHARE OF ${table.alias}
        )`,
      ],
      sql`
      ${versioned}
      WHERE ${seen} AND NOT EXISTS (SELECT FROM "ours#" WHERE ${compare(keyNames(table), '=', columns)})
      ORDER BY ${join(columns, ', ')} LIMIT ${Math.min(most, mostFound)}`,
    ),
    shape,
  );
  if (found.length === 0) {
    return [];
  }
  const again = { keys: found.map((row) => row.key) };
  const still = await database.query(
    withCtes(pageOf(table, at, again), sql`${versioned} WHERE ${insidePage(table, at, again)}`),
    shape,
  );
  const same = new Set(still.map((row) => JSON.stringify(row)));
  return found
    .filter((row) => same.has(JSON.stringify(row)))
    .map((row) => ({ key: row.key, reason, sqlstate: null }));
}
