import { insidePage, pageOf } from '../batch/page.ts';
import type { Database } from '../database/data-api.ts';
import { identifier, join, type Sql, sql } from '../database/sql.ts';
import { type Key, keyAsJson, keyColumns, type Table, valueName } from '../database/table.ts';
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

// Ten rows of ten such columns are far from the Data API's limits, and more does not help whoever reads it.
const shownCharacters = 200;

/** Reads the values of columns in the rows of a page that meet a condition, the first ones by key. */
export async function readShown(
  database: Database,
  table: Table,
  columns: readonly string[],
  at: Checkpoint,
  page: Page,
  condition: Sql = sql`true`,
  limit = 10,
): Promise<Shown[]> {
  const rows = await database.query(sql`
    WITH ${pageOf(table, at, page)}
    SELECT ${keyAsJson(keyColumns(table))}::text AS key, ${join(shownColumns(table.alias, columns), ', ')}
    FROM ${table.name} WHERE ${insidePage(table, at, page)} AND ${condition}
    ORDER BY ${join(keyColumns(table), ', ')} LIMIT ${limit}`);
  return rows.map((row) => ({
    key: JSON.parse(String(row.key)) as Key,
    values: columns.map((_, i) => JSON.parse(String(row[`v#${i}`])) as Value),
  }));
}

function shownColumns(row: Sql, columns: readonly string[]): Sql[] {
  return columns.map((column, i) => {
    const text = sql`${row}.${identifier(column)}::text`;
    return sql`json_build_object('text', ${shown(text)}, 'digest', md5(${text}))::text AS ${valueName(i)}`;
  });
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
