import { number } from 'valibot';
import { ensureJournal } from '../batch/undo-journal.ts';
import type { Clock } from '../clock.ts';
import type { Database } from '../database/data-api.ts';
import { sql } from '../database/sql.ts';
import type { Table } from '../database/table.ts';
import type { RowMigration } from '../define/registered.ts';
import { ledger } from '../ledger/names.ts';
import { type RowError, rowErrors } from '../ledger/row-errors.ts';
import { type Limits, rolledBack, type Sandbox } from './rollback-sandbox.ts';
import { type Difference, different, readShown } from './row-diff.ts';
import { enterLine, startAt } from './sandbox-ledger.ts';
import { recordSlowRows } from './slow-rows.ts';
import { mostRows, type TrialRates, tryBatches } from './trial-batches.ts';
import { attempt, beforeFirstInNeed, firstInNeed, lookAt } from './trial-rows.ts';

/** What came of trying a migration on real rows. */
export interface Trial extends TrialRates {
  /** Rows among them that it changed. */
  readonly updated: number;
  /** The first rows only looked at: how many, those in need of them, and the time; undefined if that did not work. */
  readonly looked: { readonly rows: number; readonly inNeed: number; readonly seconds: number } | undefined;
  /** Rows that it would record as bad. */
  readonly errors: number;
  /** Up to ten of them. */
  readonly errorSamples: readonly RowError[];
  /** Up to ten rows before and after. */
  readonly differences: readonly Difference[];
}

// A statement is given up after 2.5 s, halved and tried again. A batch itself waits 2 s for a lock; then the trial is over,
// while it holds as good as none itself.
export const trialLimits: Limits = { lock: 1, statement: 2.5 };
/** Rows that failed, as many as a person looks at. */
export const samples = 10;

/**
 * Runs the first batches of a migration from where it stands, about 500 rows or 5 s, and rolls them back. Beside a run of
 * the same migration it works on a line of its own in the ledger, which nobody ever sees. Rows that it changes are locked
 * until the end; no table is. Throws MigrationFailed for a migration that cannot work, DatabaseError if the database has no
 * time for it now.
 */
export async function trial(
  database: Database,
  migration: RowMigration,
  table: Table,
  now: Clock['now'] = seconds,
): Promise<Trial> {
  return rolledBack(database, trialLimits, (sandbox) => tryOut(sandbox, migration, table, now), now);
}

const seconds = (): number => performance.now() / 1_000;

/** The same inside a transaction that somebody else rolls back. */
export async function tryOut(
  sandbox: Sandbox,
  migration: RowMigration,
  table: Table,
  now: Clock['now'] = seconds,
): Promise<Trial> {
  const { database } = sandbox;
  const entered = await enterLine(database, migration, 'where it stands', { batch_size: mostRows });
  if (migration.onInvalid === 'restore') {
    await ensureJournal(database, entered.migration, table);
  }
  const cursor = await beforeFirstInNeed(database, migration, table, entered);
  const start = await startAt(database, entered, cursor);
  const first = { sandbox, migration, table, at: start, now };
  const looked = await attempt(() => lookAt(first));
  const before = (await attempt(() => firstInNeed(first))) ?? [];

  const { at, most } = await recordSlowRows(first, cursor);
  const rates = await tryBatches({ ...first, at }, most);

  const page = { keys: before.map(({ key }) => key) };
  const { columns } = migration;
  const after = before.length === 0 ? [] : await readShown(database, { table, columns, at, page });
  const [line] = await database.query(
    sql`
    SELECT m.total_updated, (SELECT count(*) FROM ${ledger.rowErrors} e WHERE e.migration = m.name) AS errors
    FROM ${ledger.migrations} m WHERE m.name = ${at.migration}`,
    { total_updated: number(), errors: number() },
  );
  const errorSamples = await rowErrors(database, at.migration, samples);
  return {
    ...rates,
    updated: line?.total_updated ?? 0,
    looked,
    errors: line?.errors ?? 0,
    errorSamples: errorSamples.map(({ key, reason, sqlstate }) => ({ key, reason, sqlstate })),
    differences: different(columns, before, after),
  };
}
