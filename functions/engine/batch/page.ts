import type { Database } from '../database/data-api.ts';
import { key } from '../database/row-shape.ts';
import { join, type Sql, sql } from '../database/sql.ts';
import {
  compare,
  type Key,
  keyAsJson,
  keyColumns,
  keyName,
  keyNames,
  keyValues,
  keyValuesIn,
  namedKey,
  type Table,
} from '../database/table.ts';
import type { Page } from '../define/batch.ts';
import type { Checkpoint } from '../ledger/checkpoint.ts';
import { aheadOfWalk } from './ahead.ts';

/**
 * The CTEs that say which rows a page has: "page#", for keys that are given; "last#", the page's last key; "counted#", its
 * number of rows, with or without work, as `page_rows`. They read only the key's index. The last key is the maximum by
 * order, never what some statement returned.
 */
export function pageOf(table: Table, at: Checkpoint, page: Page): Sql[] {
  if (!('size' in page)) {
    return givenPage(table, keysOf(page));
  }
  const columns = keyColumns(table);
  const descending = columns.map((column) => sql`${column} DESC`);
  return [
    sql`
    "page#" AS MATERIALIZED (
      SELECT ${namedKey(table)} FROM ${table.name} WHERE ${aheadOf(table, at)}
      ORDER BY ${join(columns, ', ')} OFFSET ${page.size - 1} LIMIT 1
    )`,
    sql`
    "rest#" AS MATERIALIZED (
      SELECT ${namedKey(table)} FROM ${table.name}
      WHERE NOT EXISTS (SELECT FROM "page#") AND ${aheadOf(table, at)}
      ORDER BY ${join(descending, ', ')} LIMIT 1
    )`,
    sql`
    "last#" AS MATERIALIZED (SELECT * FROM "page#" UNION ALL SELECT * FROM "rest#")`,
    sql`
    "counted#" AS MATERIALIZED (
      SELECT CASE WHEN EXISTS (SELECT FROM "page#") THEN ${page.size} ELSE (
        SELECT count(*) FROM (
          SELECT FROM ${table.name} WHERE ${insidePage(table, at, page)} ${inKeyOrder(table, page)}
        ) AS "few#") END AS page_rows
    )`,
  ];
}

function givenPage(table: Table, keys: readonly Key[]): Sql[] {
  // One parameter however many they are: the Data API takes 65,536 characters of SQL.
  const parts = keyValuesIn(table, sql`"given#".key`).map((value, i) => sql`${value} AS ${keyName(i)}`);
  const descending = keyNames(table).map((name) => sql`${name} DESC`);
  return [
    sql`
    "page#" AS MATERIALIZED (
      SELECT ${join(parts, ', ')} FROM jsonb_array_elements(${JSON.stringify(keys)}::jsonb) AS "given#" (key)
    )`,
    sql`
    "last#" AS MATERIALIZED (SELECT * FROM "page#" ORDER BY ${join(descending, ', ')} LIMIT 1)`,
    sql`
    "counted#" AS MATERIALIZED (SELECT count(*) AS page_rows FROM "page#")`,
  ];
}

/** A condition for the table's rows inside the page: a range of the key's index, or the keys themselves. */
export function insidePage(table: Table, at: Checkpoint, page: Page): Sql {
  const columns = keyColumns(table);
  if (!('size' in page)) {
    return sql`(${join(columns, ', ')}) IN (SELECT ${join(keyNames(table), ', ')} FROM "page#")`;
  }
  const end = keyNames(table).map((name) => sql`(SELECT ${name} FROM "last#")`);
  return sql`${compare(columns, '<=', end)} AND ${aheadOf(table, at)}`;
}

/**
 * The order and the limit of a query for the rows inside the page. The limit changes nothing in the result. It is there for
 * the planner, which cannot guess how far the page reaches, and takes the range of a key of several columns for a third of
 * the table.
 */
export function inKeyOrder(table: Table, page: Page): Sql {
  const order = sql`ORDER BY ${join(keyColumns(table), ', ')}`;
  return 'size' in page ? sql`${order} LIMIT ${page.size}` : order;
}

/** The keys of a page that has just these. */
export function keysOf(page: Exclude<Page, { readonly size: number }>): readonly Key[] {
  return 'next' in page ? [page.next] : page.keys;
}

/** The page's last key as a jsonb array of texts; NULL for an empty page. */
export function lastKey(table: Table): Sql {
  return sql`(SELECT ${keyAsJson(keyNames(table))} FROM "last#")`;
}

/**
 * How many rows of the page count as processed, given how many it has and the CTE "changed_rows#": those that the first walk
 * has come to. With a marker the walk will not come to a row that is done ahead of it, in a retry.
 */
export function processedOf(table: Table, at: Checkpoint, page: Page, rows: Sql): Sql {
  if (at.pass > 1) {
    return sql`0`;
  }
  if (!('keys' in page)) {
    return rows;
  }
  // What a lane reads again is behind it.
  return table.marker === undefined || at.range !== undefined
    ? sql`0`
    : sql`(SELECT count(*) FROM "changed_rows#" WHERE ${aheadOfWalk(keyNames(table), table, at)})`;
}

/**
 * Whether a walk trusts the marker: the first one looks at no row that has the mark. Later ones do, as does one that was asked to be thorough,
 * because an old release may have written the old form into such a row.
 */
export const trustsMarker = ({ pass, request }: Pick<Checkpoint, 'pass' | 'request'>): boolean =>
  pass === 1 && !request.thorough;

/** The first key after the cursor, or undefined at the end of the table. */
export async function nextKey(database: Database, table: Table, at: Checkpoint): Promise<Key | undefined> {
  const columns = keyColumns(table);
  const [row] = await database.query(
    sql`
    SELECT ${keyAsJson(columns)}::text AS key FROM ${table.name} WHERE ${aheadOf(table, at)}
    ORDER BY ${join(columns, ', ')} LIMIT 1`,
    { key },
  );
  return row?.key;
}

/**
 * A condition for the rows that a walk has still before it: those without the mark, as long as that is trusted.
 */
export function aheadOf(table: Table, at: Checkpoint): Sql {
  const left = trustsMarker(at) ? table.marker?.left : undefined;
  const key = keyColumns(table);
  const until = at.range?.until ?? null;
  const conditions = [
    ...(left === undefined ? [] : [left]),
    ...(at.cursor === null ? [] : [after(key, table, at.cursor)]),
    ...(until === null ? [] : [compare(key, '<=', keyValues(table, until))]),
  ];
  return conditions.length === 0 ? sql`true` : join(conditions, ' AND ');
}

const after = (key: readonly Sql[], table: Table, cursor: Key): Sql =>
  compare(key, '>', keyValues(table, cursor));
