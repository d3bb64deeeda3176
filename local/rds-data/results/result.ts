import type pg from 'pg';
import { maxResultBytes } from '../quotas.ts';

/** What PostgreSQL answered to a statement. */
export interface StatementResult {
  /** The command tag: `SELECT 5`, `INSERT 0 1`, `CREATE TABLE`. */
  readonly tag: string;
  /** Undefined for a statement that by its nature returns no rows. */
  readonly columns: readonly pg.FieldDef[] | undefined;
  readonly rows: readonly Row[];
}

/** PostgreSQL's text of each column's value. */
export type Row = readonly (string | null)[];

/** How large a result may be. */
export interface ResultLimit {
  /** Counted as `maxResultBytes` says. */
  readonly bytes: number;
  /** What the caller is told about a larger one. */
  readonly message: string;
}

/** The limit of an ordinary result. */
export const resultLimit: ResultLimit = {
  bytes: maxResultBytes,
  message: 'The result exceeds the size limit 1 MB.',
};
