import { array, nullable, object, string } from 'valibot';
import { insidePage, pageOf } from '../batch/page.ts';
import type { Database } from '../database/data-api.ts';
import { json, key } from '../database/row-shape.ts';
import { identifier, join, type Sql, sql, withCtes } from '../database/sql.ts';
import { type Key, keyAsJson, keyColumns, type Table } from '../database/table.ts';
import type { Page } from '../define/batch.ts';
import type { Checkpoint } from '../ledger/checkpoint.ts';

/** A row that became another: of each column that changed the value before and after, as PostgreSQL writes it. */
export interface Difference {
  readonly key: string;
  readonly changes: Readonly<Record<string, readonly [before: string | null, after: string | null]>>;
}

/** A row's values as they are shown. */
export interface Shown {
  readonly key: Key;
  readonly values: readonly Value[];
}

interface Value {
  /** The beginning of it. */
  readonly text: string | null;
  /** Of all of it. */
  readonly digest: string | null;
}

// Ten rows of ten such columns are far from the Data API's limits, and nobody reads more of a value.
const shownCharacters = 200;

// As many as a person looks at.
const mostShown = 10;

/** Rows of a page that meet a condition, and the columns to show of them. */
export interface RowsToShow {
  readonly table: Table;
  readonly columns: readonly string[];
  readonly at: Checkpoint;
  readonly page: Page;
  readonly condition?: Sql;
}

/** Reads the values of columns in the rows of a page that meet a condition, the first ones by key. */
export async function readShown(
  database: Database,
  { table, columns, at, page, condition = sql`true` }: RowsToShow,
): Promise<Shown[]> {
  const values = columns.map((column) => {
    const text = sql`${table.alias}.${identifier(column)}::text`;
    return sql`json_build_object('text', ${shown(text)}, 'digest', md5(${text}))`;
  });
  return database.query(
    withCtes(
      pageOf(table, at, page),
      sql`
      SELECT ${keyAsJson(keyColumns(table))}::text AS key, json_build_array(${join(values, ', ')})::text AS values
      FROM ${table.name} WHERE ${insidePage(table, at, page)} AND ${condition}
      ORDER BY ${join(keyColumns(table), ', ')} LIMIT ${mostShown}`,
    ),
    { key, values: json(array(object({ text: nullable(string()), digest: nullable(string()) }))) },
  );
}

/** As much of a text as is shown. */
export function shown(text: Sql): Sql {
  const most = sql`${shownCharacters}::integer`;
  return sql`CASE WHEN length(${text}) > ${most} THEN left(${text}, ${most}) || '…' ELSE ${text} END`;
}

/** What became of rows: those that are different now, or not there any more. */
export function different(
  columns: readonly string[],
  before: readonly Shown[],
  after: readonly Shown[],
): Difference[] {
  const now = new Map(after.map(({ key, values }) => [JSON.stringify(key), values]));
  return before.flatMap(({ key, values }) => {
    const changed = columns.flatMap((column, i) => {
      const [old, fresh] = [values[i], now.get(JSON.stringify(key))?.[i]];
      return old?.digest === fresh?.digest
        ? []
        : [[column, [old?.text ?? null, fresh?.text ?? null]] as const];
    });
    return changed.length === 0 ? [] : [{ key: key.join(', '), changes: Object.fromEntries(changed) }];
  });
}
