import { array, nullable, number, parse, string, tuple } from 'valibot';
import type { Value } from '../database/data-api.ts';
import { json } from '../database/row-shape.ts';
import { identifier, join, type Sql, sql, when, withCtes } from '../database/sql.ts';
import { type Column, type Key, keyColumns, keyName, type Table, valueName } from '../database/table.ts';
import { DatabaseError } from '../errors.ts';
import { bytesIfLong, longestRow, longValues } from './long-rows.ts';
import { inKeyOrder, lastKey, pageOf } from './page.ts';
import type { Change, PageToRead } from './rewrite-change.ts';
import { takenInside } from './rows-in-need.ts';

/** A row as it was read. */
export interface ReadRow {
  readonly key: Key;
  /** The transaction that wrote the version which was read. As long as the row has the same xmin, nobody has changed it. */
  readonly xmin: string;
  /** It is in the old form. If not, it is only to be marked as done. */
  readonly changes: boolean;
  /** One for each of the change's columns. */
  readonly values: readonly Value[];
  /** Why it cannot be migrated, which shows without a look at its values. */
  readonly problem?: string;
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
export async function readPage(change: Change, toRead: PageToRead): Promise<ReadPage> {
  // Within a transaction nothing may fail that is to go on.
  if (toRead.outside) {
    return readRows(change, toRead, 'apart');
  }
  try {
    return await readRows(change, toRead, 'together');
  } catch (error) {
    if (!(error instanceof DatabaseError && error.isTooLarge)) {
      throw error;
    }
    return readRows(change, toRead, 'apart');
  }
}

/** Reads a page: the values of long rows together with the others, which the Data API then may refuse, or apart, in pieces. */
async function readRows(
  change: Change,
  { database, table, at, page, outside }: PageToRead,
  long: 'together' | 'apart',
): Promise<ReadPage> {
  const columns = change.columns.map((name) => table.columns.get(name) as Column);
  const key = keyColumns(table).map((column, i) => sql`${column}::text AS ${keyName(i)}`);
  const sent = columns.map((column, i) => {
    const value = asSent(table, column);
    return sql`${long === 'apart' ? sql`CASE WHEN "long#" IS NULL THEN ${value} END` : value} AS ${valueName(i)}`;
  });
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
          ${when(long === 'apart', sql`, "long#"`)}
          ${when(mayStay, sql`, COALESCE((${change.where ?? null}), false) AS "changed#"`)}
        FROM ${table.name}
          ${when(long === 'apart', sql`CROSS JOIN LATERAL (SELECT ${bytesIfLong(table, columns)} AS "long#" OFFSET 0) AS "length#"`)}
        WHERE ${takenInside(page, table, at, change.where)}
        ${inKeyOrder(table, page)}
        ${when(outside, sql`FOR UPDATE OF ${table.alias}`)}
      ) AS needed ON true`,
      )}
    ) AS "page#"`);
  // Not checked one by one as other rows are: there are thousands of them, and their labels are ours.
  const [count, last] = parse(json(pageLine), rows[0]?.['#']);
  const keyLabels = table.key.map((_, i) => `k#${i}`);
  const valueLabels = columns.map((_, i) => `v#${i}`);
  const needed: ReadRow[] = [];
  const longBytes = rows.reduce((sum, row) => sum + Number(row['long#'] ?? 0), 0);
  if (longBytes > longestRow && rows.length > 1) {
    throw new DatabaseError(`the rows of a page have ${longBytes} bytes, too many at once`, 'row', null);
  }
  for (const row of rows) {
    if (row['x#'] === null) {
      continue;
    }
    const line = {
      key: keyLabels.map((label) => row[label] as string),
      xmin: row['x#'] as string,
      changes: row['changed#'] !== false,
    };
    const length = Number(row['long#'] ?? 0);
    if (length > longestRow) {
      const problem = `the row has ${length} bytes; a rewrite can read ${longestRow}, a backfill any number`;
      needed.push({ ...line, values: [], problem });
    } else if (length > 0) {
      needed.push({ ...line, values: await longValues({ database, table }, columns, line) });
    } else {
      const values = valueLabels.map((label, i) => asRead(columns[i] as Column, row[label] as Value));
      needed.push({ ...line, values });
    }
  }
  return { count, last: last ?? undefined, rows: needed, bytes: bytes + longBytes };
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
