import { type Sql, unsafeSql } from '../database/sql.ts';

/** The schema that holds the ledger, in the database that is migrated. Lower case letters and `_`, so that it needs no quotes. */
export const schema = 'data_migrations';

const table = (name: string): Sql => unsafeSql(`${schema}.${name}`);

/** The ledger's tables, as SQL refers to them. */
export const ledger = {
  /** One line for each version of the ledger that was applied. */
  version: table('version'),
  /** One line for each run: which are under way, which were. */
  runs: table('runs'),
  /** One line for each migration that has begun: status, claim, cursor, counters. */
  migrations: table('migrations'),
  /** One line for each migration that somebody has paused or tuned. */
  controls: table('controls'),
  /** One line for each thing that happened to a run or a migration. */
  history: table('history'),
  /** One line for each row that could not be migrated. */
  rowErrors: table('row_errors'),
  /** One line for each follow-up job that is owed. */
  followUps: table('follow_ups'),
  /** One line for each follow-up job that rebuilds a projection. */
  rebuilds: table('rebuilds'),
} as const;
