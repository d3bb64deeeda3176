import type { Sql } from '../database/sql.ts';
import type { RowOf } from './row-values.ts';

/** What a rewrite does to a row. */
export interface Change {
  readonly name: string;
  readonly where: Sql | undefined;
  readonly journal: boolean;
  readonly columns: readonly string[];
  readonly transform: (row: RowOf) => Partial<RowOf> | undefined | Promise<Partial<RowOf> | undefined>;
}
