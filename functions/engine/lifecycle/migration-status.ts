import type { Caller, Counters, ValidationResult } from '../../contract.ts';
import { hasJournal } from '../batch/undo-journal.ts';
import type { Database } from '../database/data-api.ts';
import { sql, when } from '../database/sql.ts';
import type { Migration, RowMigration } from '../define/migration.ts';
import { MigrationFailed } from '../errors.ts';
import { type Checkpoint, heldBy } from '../ledger/checkpoint.ts';
import { ledger } from '../ledger/names.ts';
import { ofEarlierRuns, rowErrors } from '../ledger/row-errors.ts';
import { restoring } from '../restore/run-restore.ts';
import { lastPass } from '../slice/slice.ts';
import { isPending } from './pending.ts';

/** The life of a migration in the ledger; it has no line there before its first run. */
export const next = {
  running: ['finished', 'failed', 'restoring'],
  failed: ['running', 'restoring'], // started again: goes on from its checkpoint
  finished: ['running', 'restoring'], // rows in the old form have come in: starts over, its condition leaves others alone
  restoring: ['restored'], // whatever happens: nobody wants half of the rows back
  restored: ['running'], // with the data or the migration corrected: starts over
} as const satisfies Record<Checkpoint['status'], readonly Checkpoint['status'][]>;

/**
 * Enters a migration as running: on from its checkpoint, or from the start if an earlier run finished it. What this run
 * has finished stays so, and nothing happens once the run has been taken over or redriven: the call may arrive late.
 */
export async function begin(
  database: Database,
  migration: Migration,
  run: Caller,
  rowsKnown: number,
): Promise<void> {
  // With a marker, only the rows that are left are counted.
  const onlyLeft = migration.kind !== 'alterTables' && migration.marker !== undefined;
  const held = sql`r.execution_arn = ${run.execution_arn} AND r.redrive_count = ${run.redrive_count} AND r.status = 'running'`;
  await database.query(sql`
    DELETE FROM ${ledger.migrations} m USING ${ledger.runs} r
    WHERE m.name = ${migration.name} AND m.status IN ('finished', 'restored') AND m.run <> r.execution_arn AND ${held}`);
  await database.query(sql`
    INSERT INTO ${ledger.migrations} AS m (name, status, run, rows_known)
    SELECT ${migration.name}, 'running', r.execution_arn, ${rowsKnown} FROM ${ledger.runs} r WHERE ${held}
    ON CONFLICT (name) DO UPDATE SET status = 'running', run = excluded.run, result = NULL,
        started_at = CASE WHEN m.status = 'failed' AND m.batches = 0 THEN now() ELSE m.started_at END,
        rows_known = excluded.rows_known + CASE WHEN ${onlyLeft} THEN m.total_processed ELSE 0 END
      WHERE m.status IN ('running', 'failed')`);
}

/**
 * Enters a migration as running to take its recorded rows again; false if there are none. Its checkpoint stays, and so does
 * the result of one that was finished, by which `retried` knows what to make of it. One that was broken off, by its run's
 * end or for a continuation, has to be ended although its rows have all been taken.
 */
export async function beginRetry(database: Database, migration: RowMigration, run: Caller): Promise<boolean> {
  const [begun] = await database.query(sql`
    UPDATE ${ledger.migrations} m SET status = 'running', run = r.execution_arn
    FROM ${ledger.runs} r
    WHERE m.name = ${migration.name} AND m.status IN ('running', 'failed', 'finished')
      AND r.execution_arn = ${run.execution_arn} AND r.redrive_count = ${run.redrive_count} AND r.status = 'running'
      AND (
        EXISTS (
          SELECT FROM ${ledger.rowErrors} e
          WHERE e.migration = m.name AND ${ofEarlierRuns(sql`r.execution_arn`)})
        OR m.status <> 'finished' AND m.result IS NOT NULL
        OR m.status = 'running' AND EXISTS (
          SELECT FROM ${ledger.runs} part WHERE part.execution_arn = m.run AND part.first_arn = r.first_arn))
    RETURNING m.name`);
  return begun !== undefined;
}

/**
 * Ends the retry of a migration that was never finished: the rest is for an ordinary run. Of one that was, it says so, and
 * changes nothing: it is to be finished again. Undefined if the claim was not ours any more.
 */
export async function retried(
  database: Database,
  at: Checkpoint,
): Promise<'finished' | 'unfinished' | undefined> {
  const [row] = await database.query(sql`
    UPDATE ${ledger.migrations} m SET
      status = CASE WHEN m.result IS NULL THEN 'failed' ELSE m.status END,
      claim = CASE WHEN m.result IS NULL THEN NULL ELSE m.claim END
    WHERE m.name = ${at.migration} AND m.claim = ${at.claim}::uuid
    RETURNING m.result IS NULL AS unfinished`);
  return row && (row.unfinished ? 'unfinished' : 'finished');
}

/**
 * Enters a migration as one to be restored, because this run was asked to: all that its undo journal has. Where it is being
 * restored already, that goes on. Throws MigrationFailed if there is nothing to restore it from.
 */
export async function beginRestore(database: Database, migration: RowMigration, run: Caller): Promise<void> {
  const { name } = migration;
  const journal = await hasJournal(database, name);
  const fresh = { ...restoring(`asked for by ${run.execution_arn}`, false), since: null };
  const [begun] = await database.query(sql`
    UPDATE ${ledger.migrations} m SET status = 'restoring', run = r.execution_arn, claim = NULL,
      restore = CASE m.status WHEN 'restoring' THEN m.restore ELSE ${JSON.stringify(fresh)}::jsonb END
    FROM ${ledger.runs} r
    WHERE m.name = ${name} AND m.status IN ('running', 'failed', 'finished', 'restoring') AND ${journal}
      AND r.execution_arn = ${run.execution_arn} AND r.redrive_count = ${run.redrive_count} AND r.status = 'running'
    RETURNING m.name`);
  if (begun !== undefined) {
    return;
  }
  const [line] = await database.query(sql`
    SELECT m.status, m.run FROM ${ledger.migrations} m WHERE m.name = ${name}`);
  const fail = (problem: string): never => {
    throw new MigrationFailed(`migration "${name}" cannot be restored: ${problem}`);
  };
  if (line === undefined) {
    fail('it has never run, so there is nothing to put back');
  }
  // Asked again, after an answer that got lost, it is done.
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

/** What the ledger says of a migration; undefined if it has never run. */
export async function statusOf(
  database: Database,
  migration: string,
): Promise<Checkpoint['status'] | undefined> {
  const [row] = await database.query(sql`
    SELECT status FROM ${ledger.migrations} WHERE name = ${migration}`);
  return row && (row.status as Checkpoint['status']);
}

/** Whether a migration is done: finished, or there was never anything to do. */
export async function isFinished(database: Database, migration: Migration): Promise<boolean> {
  const status = await statusOf(database, migration.name);
  return status === 'finished' || (status === undefined && !(await isPending(database, migration)));
}

const samples = 10;

/**
 * Ends a migration whose last pass is done: its result, and the follow-up jobs that are owed for it now. Undefined if the
 * claim or the checkpoint was not ours any more.
 */
export async function finish(
  database: Database,
  migration: Migration,
  at: Checkpoint,
  seconds: number,
  validations: readonly ValidationResult[] = [],
): Promise<Counters | undefined> {
  const isRetry = at.request.retry !== undefined;
  const errors = at.rowErrors === 0 ? [] : await rowErrors(database, migration.name, samples);
  const extra = {
    ...(errors.length > 0 && {
      error_samples: errors.map(({ key, reason, sqlstate }) => ({ key: key.join(', '), reason, sqlstate })),
    }),
    // Nobody looks behind the last pass: what it still found goes on coming in. A retry has not looked.
    ...(!isRetry && at.pass === lastPass && at.passUpdated > 0 && { still_arriving: at.passUpdated }),
    ...(validations.length > 0 && { validations }),
  };
  const [row] = await database.query(sql`
    WITH ${heldBy(at, 'durably')},
    finished AS (
      UPDATE ${ledger.migrations} m SET
        status = 'finished', claim = NULL, resting = NULL, finished_at = now(), duration_seconds = m.duration_seconds + ${seconds}::float8,
        result = jsonb_build_object(
          'total_processed', m.total_processed,
          'total_updated', m.total_updated,
          'errors', (SELECT count(*) FROM ${ledger.rowErrors} e WHERE e.migration = m.name),
          'duration_seconds', round((m.duration_seconds + ${seconds}::float8)::numeric, 1)
        ) || ${JSON.stringify(extra)}::jsonb
          ${when(isRetry, sql`|| jsonb_strip_nulls(jsonb_build_object('still_arriving', m.result -> 'still_arriving'))`)}
      FROM held WHERE m.name = held.name
      RETURNING m.result
    ),
    validated AS ( -- should it begin anew in this run, it is validated anew
      UPDATE ${ledger.runs} r SET stage = NULL FROM finished WHERE r.execution_arn = ${at.run}
    ),
    owed AS (
      INSERT INTO ${ledger.followUps} AS f (job)
      SELECT job FROM finished, jsonb_array_elements_text(${JSON.stringify(migration.rebuilds)}::jsonb) AS job
      ON CONFLICT (job) DO UPDATE SET owed_since = now(), run = NULL, execution_name = NULL
    )
    SELECT result::text AS result FROM finished`);
  return row && (JSON.parse(String(row.result)) as Counters);
}
