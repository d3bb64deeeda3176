import { ensureJournal } from '../batch/undo-journal.ts';
import { lambdaClock } from '../clock.ts';
import type { Database } from '../database/data-api.ts';
import { describeTable, type Table } from '../database/table.ts';
import type { Migration } from '../define/migration.ts';
import { type RowMigration, registered } from '../define/registered.ts';
import { MigrationFailed } from '../errors.ts';
import { type RowError, rowErrors } from '../ledger/row-errors.ts';
import { runSlice } from '../slice/slice.ts';
import { type Limits, rolledBack } from './rollback-sandbox.ts';
import type { Difference } from './row-diff.ts';
import { enterLine } from './sandbox-ledger.ts';
import { changedSinceKept, copyTable, keepContents } from './scratch-table.ts';
import { samples } from './trial.ts';

/** How thoroughly a migration is tried. */
export interface VerifyOptions {
  /** How often the migration is run, from 2. Default 3. */
  readonly runs?: number;
  /** Rows that are copied at most, or `all`. Default 10,000: see `defaultRows`. */
  readonly rows?: number | 'all';
}

/** What running a migration several times came to. */
export interface Verified {
  /** Rows that the first run changed. */
  readonly rows_updated: number;
  /** How often it ran. */
  readonly runs: number;
  /** Whether the last run left what the first one left. */
  readonly final_state: 'unchanged' | 'changed';
  /** Rows that could not be migrated, if any: they stayed as they were. */
  readonly errors?: number;
  /** Up to ten rows that are not the same after the last run as after the first. */
  readonly differences?: readonly Difference[];
}

/** The same, with what a person wants to see of it. */
export interface VerifiedWithSamples {
  readonly verified: Verified;
  /** Up to ten of the rows that could not be migrated, and why. */
  readonly errorSamples: readonly RowError[];
  /** More rows than that make a run fail. */
  readonly errorBudget: number;
}

/**
 * Rows in need come first among those that are copied. What a change does twice depends on the kinds of values there are,
 * of which 10,000 rows show nearly all; copying and running three times takes seconds, in which the transaction holds back
 * vacuum. A rare kind of row may be missed: `all` does not miss it.
 */
export const defaultRows = 10_000;

// Long enough for a statement over all rows of the copy; a second less than the Data API's own 45 s, to be told by PostgreSQL.
const limits: Limits = { lock: 1, statement: 44 };

/**
 * Runs a migration several times on a scratch copy of its table, each time from an empty ledger, and compares the contents
 * after the first run with those after each later one. In one transaction that is rolled back: the table is only read. The
 * copy has no triggers, no foreign keys and no marker, which would keep a second run from looking at the rows. Throws
 * MigrationFailed for a migration of tables, and for a `transform` that adds up text as if it were numbers.
 *
 * @example
 * expect(await verify(database, usersFullName, { runs: 3 })).toMatchObject({ final_state: 'unchanged' });
 */
export async function verify(
  database: Database,
  migration: Migration,
  options?: VerifyOptions,
): Promise<Verified> {
  return (await verifyWithSamples(database, migration, options)).verified;
}

/** Does what `verify` does, and says as well which rows failed, and why. */
export async function verifyWithSamples(
  database: Database,
  unopened: Migration,
  { runs = 3, rows = defaultRows }: VerifyOptions = {},
): Promise<VerifiedWithSamples> {
  const migration = registered(unopened);
  if (migration.kind === 'alterTables') {
    throw new MigrationFailed(
      `migration "${migration.name}" changes tables, each of them once: it has no rows to compare. Tables that have the ` +
        'change already are left alone by its query, as "plan" shows',
    );
  }
  if (!Number.isInteger(runs) || runs < 2) {
    throw new RangeError(`runs: got ${runs}, allowed is a whole number from 2`);
  }
  if (rows !== 'all' && (!Number.isInteger(rows) || rows < 1)) {
    throw new RangeError(`rows: got ${rows}, allowed is a whole number from 1, or 'all'`);
  }
  return rolledBack(database, limits, async ({ database: inside }) => {
    const original = await describeTable(inside, migration);
    const scratch = await copyTable(inside, migration, original, rows);
    // Without its marker, should the table have one.
    const table = await describeTable(inside, { ...migration, table: scratch, marker: undefined });
    const at = await enterLine(inside, migration, 'at the beginning');
    await migration.checkArithmetic?.({ database: inside, table, at });
    const first = await runOnce(inside, migration, table);
    await keepContents(inside, table);
    let differences: readonly Difference[] = [];
    for (let run = 2; run <= runs && differences.length === 0; run += 1) {
      await runOnce(inside, migration, table);
      differences = await changedSinceKept(inside, table);
    }
    const verified: Verified = {
      rows_updated: first.updated,
      runs,
      final_state: differences.length === 0 ? 'unchanged' : 'changed',
      ...(first.errors > 0 && { errors: first.errors }),
      ...(differences.length > 0 && { differences }),
    };
    return { verified, errorSamples: first.errorSamples, errorBudget: migration.errorBudget };
  });
}

/** Runs a migration to its end, on a line of its own in the ledger. */
async function runOnce(
  database: Database,
  migration: RowMigration,
  table: Table,
): Promise<{
  readonly updated: number;
  readonly errors: number;
  readonly errorSamples: readonly RowError[];
}> {
  const at = await enterLine(database, migration, 'at the beginning');
  if (migration.onInvalid === 'restore') {
    await ensureJournal(database, at.migration, table);
  }
  const atOnce = { hold: async () => undefined, rest: () => ({ seconds: 0 }) };
  // Bad rows are counted, not what ends it: it may well be that they are all there are. A transaction has one statement at a time.
  const tried = { ...migration, errorBudget: Number.POSITIVE_INFINITY, lanes: 1 };
  const isOver = () => false;
  const end = await runSlice({ database, clock: lambdaClock, isOver, migration: tried, table }, at, atOnce);
  if (end.state !== 'done') {
    throw new MigrationFailed(`migration "${migration.name}": it came to no end`);
  }
  const errorSamples = await rowErrors(database, at.migration, samples);
  return { updated: end.at.totalUpdated, errors: end.at.rowErrors, errorSamples };
}
