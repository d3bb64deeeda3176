import type { Sql } from '../database/sql.ts';
import { checker, checkSql } from '../define/checks.ts';
import type { Migration, RowOptions } from '../define/migration.ts';
import type { RowMigration } from '../define/registered.ts';
import { rowMigration } from '../define/row-options.ts';
import { type BackfillChange, backfillPage, rowByRow } from './backfill-page.ts';
import { badRows } from './bad-rows.ts';

/** What a backfill says of itself. */
export interface BackfillOptions extends RowOptions {
  /** The new values, one SQL expression for each column, over the row as it is: `{ full_name: sql`first_name || ' ' || last_name` }`. */
  readonly set: Readonly<Record<string, Sql>>;
}

/**
 * A migration whose change is SQL: `UPDATE table SET … WHERE …`, in batches. Rows never leave the database.
 *
 * @example
 * export const usersFullName = backfill({
 *   name: 'users-full-name',
 *   table: 'users',
 *   key: 'id',
 *   where: sql`full_name IS DISTINCT FROM first_name || ' ' || last_name`,
 *   set: { full_name: sql`first_name || ' ' || last_name` },
 *   validate: [noNulls('full_name')],
 * });
 *
 * @throws MigrationFailed for options that cannot work: what was wrong, what was got, what is allowed.
 */
export function backfill(options: BackfillOptions): Migration {
  const base = rowMigration(options);
  const check = checker(options.name);
  const isObject = typeof options.set === 'object' && options.set !== null && !Array.isArray(options.set);
  check(isObject, 'set', options.set, 'an object with SQL for each column that changes');
  const columns = Object.keys(options.set);
  check(columns.length > 0, 'set', options.set, 'at least one column');
  check(
    !columns.some((column) => base.key.includes(column)),
    'set',
    columns,
    'columns outside the key, which the cursor needs',
  );
  check(!columns.includes(base.marker ?? ''), 'marker', base.marker, 'a column that "set" does not change');
  const set = Object.fromEntries(
    Object.entries(options.set).map(([column, value]) => [
      column,
      checkSql(options.name, `set.${column}`, value),
    ]),
  );
  const change: BackfillChange = { where: base.where, set, journal: base.onInvalid === 'restore' };
  const migration: RowMigration = {
    ...base,
    kind: 'backfill',
    columns,
    batch: (input, page) => backfillPage(change, input, page),
    badRows: ({ database, table, at }, page, most) =>
      badRows(database, rowByRow(change, table, at, page), most),
  };
  return migration;
}
