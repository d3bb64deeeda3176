import type { Sql } from './sql.ts';
import type { Table } from './table.ts';

/** A named check over the migrated table. */
export interface Validation {
  /** What the result map calls it. */
  readonly name: string;
  /** Columns that must exist. */
  readonly columns: readonly string[];
  /** The condition that a row which fails the check meets. */
  readonly fails: (table: Table) => Sql;
}
