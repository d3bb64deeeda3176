import { string } from 'valibot';
import type { Caller } from '../../contract.ts';
import { hasJournal } from '../batch/undo-journal.ts';
import type { Statements } from '../database/data-api.ts';
import { sql, withCtes } from '../database/sql.ts';
import type { Registered, RowMigration } from '../define/registered.ts';
import { MigrationFailed } from '../errors.ts';
import { noted } from '../ledger/history.ts';
import { isHolder } from '../ledger/holder.ts';
import { make, may, type Status } from '../ledger/life-cycle.ts';
import { ledger } from '../ledger/names.ts';
import { ofEarlierRuns } from '../ledger/row-errors.ts';
import { restoring } from '../restore/run-restore.ts';
import type { Known } from './rows-known.ts';

/**
 * Enters a migration as running: on from its checkpoint, or from the start if an earlier run finished it. What this run
 * has finished stays so, and nothing happens once the run has been taken over or redriven, since the call may arrive late: false then. False,
 * too, if another run has finished or cleaned it up since it was found to have work: to begin anew would change rows twice that nothing tells
 * from others.
 *
 * @param found How it stood when it was found to have work; undefined if it had never run.
 */
export async function begin(
  database: Statements,
  migration: Registered,
  run: Caller,
  known: Known,
  found: Status | undefined,
): Promise<boolean> {
  await database.execute(sql`
    DELETE FROM ${ledger.migrations} m USING ${ledger.runs} r
    WHERE m.name = ${migration.name} AND ${may('beginAnew')} AND m.status = ${found ?? null} AND m.run <> r.execution_arn
      AND m.cleaned_up_at IS NULL AND ${isHolder(run)}`);
  const begun = sql`
    "begun#" AS (
      INSERT INTO ${ledger.migrations} AS m (name, status, run, rows_known)
      SELECT ${migration.name}, 'running', r.execution_arn, ${known.rows} FROM ${ledger.runs} r WHERE ${isHolder(run)}
      ON CONFLICT (name) DO UPDATE SET ${make('begin')}, run = excluded.run, result = NULL, moved_at = now(),
          started_at = CASE WHEN m.status = 'failed' AND m.batches = 0 THEN now() ELSE m.started_at END,
          rows_known = CASE
            WHEN ${!known.isCounted} AND m.total_processed > 0 THEN m.rows_known -- after its updates the planner expects too many
            ELSE excluded.rows_known + CASE WHEN ${known.areLeft} THEN m.total_processed ELSE 0 END
          END
        WHERE ${may('begin')}
      RETURNING m.name, m.run, m.total_processed
    )`;
  const note = noted('begun', sql`"begun#"`, {
    migration: sql`name`,
    run: sql`run`,
    detail: sql`CASE WHEN total_processed > 0 THEN 'from row ' || total_processed END`,
  });
  const rows = await database.query(withCtes([begun, note], sql`SELECT name FROM "begun#"`), {});
  return rows.length > 0;
}

/** Makes a migration this run's whose rows are being put back: that goes on. */
export async function goOnRestoring(database: Statements, migration: string, run: Caller): Promise<boolean> {
  const rows = await database.query(
    sql`
    UPDATE ${ledger.migrations} m SET run = r.execution_arn, claim = NULL, moved_at = now() FROM ${ledger.runs} r
    WHERE m.name = ${migration} AND m.status = 'restoring' AND ${isHolder(run)} RETURNING m.name`,
    {},
  );
  return rows.length > 0;
}

/**
 * Enters a migration as running to take its recorded rows again; false if there are none. Its checkpoint stays, and so does
 * the result of one that was finished, by which `endRetry` knows what to make of it. A retry that was broken off, by its
 * run's end or for its next part, has to be ended although all its rows have been taken.
 */
export async function beginRetry(
  database: Statements,
  migration: RowMigration,
  run: Caller,
): Promise<boolean> {
  const [begun] = await database.query(
    sql`
    UPDATE ${ledger.migrations} m SET ${make('retry')}, run = r.execution_arn, moved_at = now()
    FROM ${ledger.runs} r
    WHERE m.name = ${migration.name} AND ${may('retry')} AND ${isHolder(run)}
      AND (
        EXISTS (
          SELECT FROM ${ledger.rowErrors} e
          WHERE e.migration = m.name AND ${ofEarlierRuns(sql`r.execution_arn`)})
        OR m.status <> 'finished' AND m.result IS NOT NULL
        OR m.status = 'running' AND m.run = r.execution_arn)
    RETURNING m.name`,
    {},
  );
  return begun !== undefined;
}

/**
 * Enters a migration as one to be restored, because this run was asked to: all that its undo journal has. Where it is being
 * restored already, that goes on. Throws MigrationFailed if there is nothing to restore it from.
 */
export async function beginRestore(
  database: Statements,
  migration: RowMigration,
  run: Caller,
): Promise<void> {
  const { name } = migration;
  const journal = await hasJournal(database, name);
  const fresh = { ...restoring(`asked for by ${run.execution_arn}`, false), since: null };
  const [begun] = await database.query(
    sql`
    UPDATE ${ledger.migrations} m SET ${make('restore')}, run = r.execution_arn, claim = NULL, moved_at = now(),
      restore = CASE m.status WHEN 'restoring' THEN m.restore ELSE ${JSON.stringify(fresh)}::jsonb END
    FROM ${ledger.runs} r
    WHERE m.name = ${name} AND ${may('restore')} AND ${journal} AND ${isHolder(run)}
    RETURNING m.name`,
    {},
  );
  if (begun !== undefined) {
    return;
  }
  const [line] = await database.query(
    sql`SELECT m.status, m.run FROM ${ledger.migrations} m WHERE m.name = ${name}`,
    { status: string(), run: string() },
  );
  const fail = (problem: string): never => {
    throw new MigrationFailed(`migration "${name}" cannot be restored: ${problem}`);
  };
  if (line === undefined) {
    fail('it has never run, so there is nothing to put back');
  }
  // Called again, because its first answer got lost: it is done already.
  if (line?.status === 'restored' && line.run !== run.execution_arn) {
    fail('that has been done already; started again, it begins anew');
  }
  if (!journal) {
    fail(
      "it keeps no undo journal, so nobody knows what its rows were before. onInvalid: 'restore' makes it keep one from the " +
        'first run on; a clean-up drops it',
    );
  }
}
