import { type Sql, sql } from '../database/sql.ts';
import { compare, keyValues, keyValuesIn, type Table } from '../database/table.ts';
import type { Checkpoint } from '../ledger/checkpoint.ts';
import { ledger } from '../ledger/names.ts';

/** A condition for keys that a migration's walk has still before it: after its cursor, or where lanes walk, in what is left of their ranges. */
export function aheadOfWalk(
  key: readonly Sql[],
  table: Table,
  { migration, cursor, lanes }: Checkpoint,
): Sql {
  if (lanes === 0) {
    return cursor === null ? sql`true` : compare(key, '>', keyValues(table, cursor));
  }
  return sql`EXISTS (
        SELECT FROM ${ledger.ranges} r WHERE r.migration = ${migration} AND NOT r.done
          AND (r.cursor IS NULL OR ${compare(key, '>', keyValuesIn(table, sql`r.cursor`))})
          AND (r.until IS NULL OR ${compare(key, '<=', keyValuesIn(table, sql`r.until`))}))`;
}
