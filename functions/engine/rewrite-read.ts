import type { Checkpoint } from './checkpoint.ts';
import { resultBytes, type Statements, type Value } from './database.ts';
import type { Page } from './migration.ts';
import { insidePage, lastKey, pageOf } from './page.ts';
import type { Change } from './rewrite.ts';
import { notFoundBad } from './row-errors.ts';
import { identifier, join, sql, when } from './sql.ts';
import { type Column, type Form, type Key, keyAsJson, keyColumns, type Table } from './table.ts';

export interface ReadRow {
  readonly key: Key;
  /** The transaction that wrote the version which was read: as long as it is the same, so is the row. */
  readonly xmin: string;
  readonly values: ReadonlyMap<string, Value>;
}

export interface ReadPage {
  /** Rows in the page, whether or not they need the change. */
  readonly count: number;
  readonly last: Key | undefined;
  /** The ones that need it. */
  readonly rows: readonly ReadRow[];
  /** About what they took of the result's 1 MiB. */
  readonly bytes: number;
}

/** Reads the rows of a page that need the change, with what the write needs to know that nobody changed them since. */
export async function readPage(
  change: Change,
  table: Table,
  at: Checkpoint,
  database: Statements,
  page: Page,
  lock: boolean,
): Promise<ReadPage> {
  const columns = change.columns.map((name) => table.columns.get(name) as Column);
  // As a subquery, because a statement that begins with WITH may not count as the SELECT that JSON results are for.
  const result = await database.read(sql`
    SELECT * FROM (
      WITH ${pageOf(table, at, page)}
      SELECT page_rows AS "page#", ${lastKey(table)}::text AS "last#", needed.*
      FROM counted LEFT JOIN LATERAL (
        SELECT ${keyAsJson(keyColumns(table))}::text AS "key#", ${table.alias}.xmin::text AS "xmin#",
          ${join(
            columns.map((column) => asSent(table, column)),
            ', ',
          )}
        FROM ${table.name}
        WHERE ${insidePage(table, at, page)} AND (${change.where}) ${notFoundBad(table, at)}
        ORDER BY ${join(keyColumns(table), ', ')}
        ${when(lock, sql`FOR UPDATE`)}
      ) AS needed ON true
    ) AS page`);
  const needed = result.filter((row) => row['key#'] !== null);
  const [first] = result;
  const last = first?.['last#'] ?? undefined;
  return {
    count: Number(first?.['page#'] ?? 0),
    last: last === undefined ? undefined : (JSON.parse(String(last)) as Key),
    rows: needed.map((row) => ({
      key: JSON.parse(String(row['key#'])) as Key,
      xmin: String(row['xmin#']),
      values: new Map(columns.map(({ name, form }) => [name, asRead(form, row[name] as Value)])),
    })),
    bytes: resultBytes(needed),
  };
}

/** Bytes and booleans as they are, everything else as text: no type is refused by the Data API, nothing is rounded. */
function asSent(table: Table, { name, form }: Column) {
  const column = sql`${table.alias}.${identifier(name)}`;
  return form === 'bytes' || form === 'boolean' ? column : sql`${column}::text AS ${identifier(name)}`;
}

/** JSON has no bytes: they come as base64. */
function asRead(form: Form, value: Value): Value {
  return form === 'bytes' && typeof value === 'string' ? Buffer.from(value, 'base64') : value;
}
