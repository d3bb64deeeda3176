import { array, nullable, number, parse, string, tuple } from 'valibot';
import type { Value } from '../database/data-api.ts';
import { json } from '../database/row-shape.ts';
import { identifier, join, type Sql, sql, when, withCtes } from '../database/sql.ts';
import { type Column, type Key, keyColumns, keyName, type Table, valueName } from '../database/table.ts';
import { inKeyOrder, insidePage, lastKey, pageOf } from './page.ts';
import type { Change, PageToRead } from './rewrite-change.ts';
import { takenBy } from './rows-in-need.ts';

/** A row as it was read. */
export interface ReadRow {
  readonly key: Key;
  /** The transaction that wrote the version which was read. As long as the row has the same xmin, nobody has changed it. */
  readonly xmin: string;
  /** It is in the old form. If not, it is only to be marked as done. */
  readonly changes: boolean;
  /** One for each of the change's columns. */
  readonly values: readonly Value[];
}

export interface ReadPage {
  /** Rows in the page, whether or not they need the change. */
  readonly count: number;
  readonly last: Key | undefined;
  /** The ones that need it. */
  readonly rows: readonly ReadRow[];
  /** What the result took. */
  readonly bytes: number;
}

/** Reads the rows of a page that need the change, with what the write needs to know that nobody changed them since. */
export async function readPage(
  change: Change,
  { database, table, at, page, isLocked }: PageToRead,
): Promise<ReadPage> {
  const columns = change.columns.map((name) => table.columns.get(name) as Column);
  const key = keyColumns(table).map((column, i) => sql`${column}::text AS ${keyName(i)}`);
  const sent = columns.map((column, i) => sql`${asSent(table, column)} AS ${valueName(i)}`);
  const mayStay = table.marker !== undefined && change.where !== undefined;
  // As a subquery, because a statement that begins with WITH may not count as the SELECT that JSON results are for. Every
  // row has its names and NULLs in that JSON, so names are short, and what is said once is said in the first row.
  const { rows, bytes } = await database.read(sql`
    SELECT * FROM (
      ${withCtes(
        pageOf(table, at, page),
        sql`
      SELECT CASE row_number() OVER () WHEN 1 THEN jsonb_build_array(page_rows, ${lastKey(table)})::text END AS "#", needed.*
      FROM "counted#" LEFT JOIN LATERAL (
        SELECT ${table.alias}.xmin::text AS "x#", ${join([...key, ...sent], ', ')}
          ${when(mayStay, sql`, COALESCE((${change.where ?? null}), false) AS "changed#"`)}
        FROM ${table.name}
        WHERE ${insidePage(table, at, page)} AND ${takenBy(page, table, at, change.where)}
        ${inKeyOrder(table, page)}
        ${when(isLocked, sql`FOR UPDATE`)}
      ) AS needed ON true`,
      )}
    ) AS "page#"`);
  // Not checked one by one as other rows are: there are thousands of them, and their labels are ours.
  const [count, last] = parse(json(pageLine), rows[0]?.['#']);
  const keyLabels = table.key.map((_, i) => `k#${i}`);
  const valueLabels = columns.map((_, i) => `v#${i}`);
  const needed = rows.filter((row) => row['x#'] !== null);
  return {
    count,
    last: last ?? undefined,
    rows: needed.map((row) => ({
      key: keyLabels.map((label) => row[label] as string),
      xmin: row['x#'] as string,
      changes: row['changed#'] !== false,
      values: valueLabels.map((label, i) => asRead(columns[i] as Column, row[label] as Value)),
    })),
    bytes,
  };
}

/** What the first row says of the page: how many rows it has, and its last key. */
const pageLine = tuple([number(), nullable(array(string()))]);

/** Bytes and booleans as they are, everything else as text: no type is refused by the Data API, nothing is rounded. */
function asSent(table: Table, { name, form }: Column): Sql {
  const column = sql`${table.alias}.${identifier(name)}`;
  return form === 'bytes' || form === 'boolean' ? column : sql`${column}::text`;
}

/** JSON has no bytes: they come as base64. */
function asRead({ form }: Column, value: Value): Value {
  return form === 'bytes' && typeof value === 'string' ? Buffer.from(value, 'base64') : value;
}
