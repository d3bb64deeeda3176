import type { Database, Statements } from '../database/data-api.ts';
import type { Sql } from '../database/sql.ts';
import type { Key, Table } from '../database/table.ts';
import type { Page } from '../define/batch.ts';
import type { Checkpoint } from '../ledger/checkpoint.ts';
import type { RowOf } from './row-values.ts';

/** What a rewrite does to a row. */
export interface Change {
  readonly name: string;
  readonly where: Sql | undefined;
  readonly journal: boolean;
  readonly columns: readonly string[];
  readonly transform: (row: RowOf) => Partial<RowOf> | undefined | Promise<Partial<RowOf> | undefined>;
  /** How long that may take for one row. */
  readonly transformSeconds: number;
  /** Whether `transform` returns promises: it says so, being async, or has done so in this process. */
  returnsPromises: boolean;
}

/** A page of a rewrite, and the way to the database on which it is read. */
export interface PageToRead {
  readonly database: Statements;
  readonly table: Table;
  readonly at: Checkpoint;
  readonly page: Page;
  /** The way around the transaction that `database` then is: its rows are locked until that ends, and nobody sees what it writes. */
  readonly outside?: Database;
}

/** A row's new values as JSON texts: one for each of the change's columns, undefined where the column stays as it is. */
export interface WrittenRow {
  readonly key: Key;
  /** Of the version that was read. */
  readonly xmin: string;
  readonly values: readonly (string | undefined)[];
}
