import { type Sql, unsafeSql } from '../database/sql.ts';

/** The schema that holds the ledger, unless the stack names another. */
export const defaultSchema = 'data_migrations';

/** The schema that holds the ledger, in the database that is migrated. */
export let schema = defaultSchema;

/**
 * Tells this process which schema the ledger is in: each of two installations in one database has its own. Before the first
 * statement; without a name it is the default.
 *
 * @throws what `checkSchema` throws.
 */
export function useSchema(name = defaultSchema): void {
  checkSchema(name);
  schema = name;
}

/** Throws a RangeError for a schema's name that would need quotes, or that PostgreSQL keeps for itself. */
export function checkSchema(name: string): void {
  if (!/^(?!pg_)[a-z_][a-z0-9_]{0,62}$/.test(name)) {
    throw new RangeError(
      `the ledger's schema: got ${JSON.stringify(name)}, allowed are up to 63 of a-z, 0-9 and _, no digit first, no pg_`,
    );
  }
}

const table = (name: string): Sql => unsafeSql(`${schema}.${name}`);

/** The ledger's tables, as SQL refers to them. */
export const ledger = {
  /** One line for each version of the ledger that was applied. */
  get version() {
    return table('version');
  },
  /** One line for each run: which are under way, which were. */
  get runs() {
    return table('runs');
  },
  /** One line for each migration that has begun: status, claim, cursor, counters. */
  get migrations() {
    return table('migrations');
  },
  /** One line for each range of keys of a migration that several lanes walk at once. */
  get ranges() {
    return table('ranges');
  },
  /** One line for each walk, of a range or the whole, whose `transform` may wait: what it is at. */
  get transforming() {
    return table('transforming');
  },
  /** One line for each migration under way: how many rows of it were done when. */
  get rates() {
    return table('rates');
  },
  /** One line for each migration that somebody has paused or tuned. */
  get controls() {
    return table('controls');
  },
  /** One line for each thing that happened to a run or a migration. */
  get history() {
    return table('history');
  },
  /** One line for each row that could not be migrated. */
  get rowErrors() {
    return table('row_errors');
  },
  /** One line for each follow-up job that is owed. */
  get followUps() {
    return table('follow_ups');
  },
  /** One line for each follow-up job that rebuilds a projection. */
  get rebuilds() {
    return table('rebuilds');
  },
};
