import type { Checkpoint } from './checkpoint.ts';
import type { Database } from './database.ts';
import type { Page } from './migration.ts';
import { join, type Sql, sql, when } from './sql.ts';
import {
  compare,
  type Key,
  keyAsJson,
  keyColumns,
  keyName,
  keyNames,
  keyValues,
  namedKey,
  type Table,
} from './table.ts';

/** The keys of a page, in order, with or without work: `SELECT … AS "k#0" …`. */
export function pageKeys(table: Table, at: Checkpoint, page: Page): Sql {
  const columns = keyColumns(table);
  if ('size' in page) {
    return sql`
      SELECT ${namedKey(table)} FROM ${table.name} ${afterCursor(table, at, 'WHERE')}
      ORDER BY ${join(columns, ', ')} LIMIT ${page.size}`;
  }
  return join(
    page.keys.map((key) => {
      const named = keyValues(table, key).map((value, i) => sql`${value} AS ${keyName(i)}`);
      return sql`SELECT ${join(named, ', ')}`;
    }),
    ' UNION ALL ',
  );
}

/** The CTE of the page's last key, from a CTE `page`: the maximum by order, never what some statement returned. */
export function lastOfPage(table: Table): Sql {
  const descending = keyNames(table).map((name) => sql`${name} DESC`);
  return sql`last AS MATERIALIZED (SELECT * FROM page ORDER BY ${join(descending, ', ')} LIMIT 1)`;
}

/** A condition for the table's rows inside the page: a range of the key's index, or the keys themselves. */
export function insidePage(table: Table, at: Checkpoint, page: Page): Sql {
  const columns = keyColumns(table);
  if ('keys' in page)
    return sql`(${join(columns, ', ')}) IN (SELECT ${join(keyNames(table), ', ')} FROM page)`;
  const end = keyNames(table).map((name) => sql`(SELECT ${name} FROM last)`);
  return sql`${compare(columns, '<=', end)} ${afterCursor(table, at, 'AND')}`;
}

/** The page's last key as a jsonb array of texts; NULL for an empty page. */
export function lastKey(table: Table): Sql {
  return sql`(SELECT ${keyAsJson(keyNames(table))} FROM last)`;
}

/** The first key after the cursor, or undefined at the end of the table. */
export async function nextKey(database: Database, table: Table, at: Checkpoint): Promise<Key | undefined> {
  const [row] = await database.query(sql`
    SELECT ${keyAsJson(keyNames(table))}::text AS key FROM (${pageKeys(table, at, { size: 1 })}) AS page`);
  return row && (JSON.parse(String(row.key)) as Key);
}

function afterCursor(table: Table, at: Checkpoint, glue: 'WHERE' | 'AND'): Sql {
  const condition = at.cursor && compare(keyColumns(table), '>', keyValues(table, at.cursor));
  return when(condition, glue === 'AND' ? sql`AND ${condition}` : sql`WHERE ${condition}`);
}
