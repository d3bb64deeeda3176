import type { Caller, Counters } from '../contract.ts';
import { type Checkpoint, heldBy } from './checkpoint.ts';
import type { Database } from './database.ts';
import type { Migration } from './migration.ts';
import { rowErrors } from './row-errors.ts';
import { lastPass } from './slice.ts';
import { sql } from './sql.ts';

/** The life of a migration in the ledger; it has no line there before its first run. */
export const next = {
  running: ['finished', 'failed'],
  failed: ['running'], // started again: goes on from its checkpoint
  finished: ['running'], // rows in the old form have come in: starts over, and its condition leaves the others alone
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
  const held = sql`r.execution_arn = ${run.execution_arn} AND r.redrive_count = ${run.redrive_count} AND r.status = 'running'`;
  await database.query(sql`
    DELETE FROM data_migrations.migrations m USING data_migrations.runs r
    WHERE m.name = ${migration.name} AND m.status = 'finished' AND m.run <> r.execution_arn AND ${held}`);
  await database.query(sql`
    INSERT INTO data_migrations.migrations AS m (name, status, run, rows_known)
    SELECT ${migration.name}, 'running', r.execution_arn, ${rowsKnown} FROM data_migrations.runs r WHERE ${held}
    ON CONFLICT (name) DO UPDATE SET status = 'running', run = excluded.run, rows_known = excluded.rows_known
      WHERE m.status <> 'finished'`);
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
): Promise<Counters | undefined> {
  const errors = at.rowErrors === 0 ? [] : await rowErrors(database, migration.name, samples);
  const extra = {
    ...(errors.length > 0 && {
      error_samples: errors.map(({ key, reason, sqlstate }) => ({ key: key.join(', '), reason, sqlstate })),
    }),
    // Nobody looks behind the last pass: what it still found goes on coming in.
    ...(at.pass === lastPass && at.passUpdated > 0 && { still_arriving: at.passUpdated }),
  };
  const [row] = await database.query(sql`
    WITH ${heldBy(at, 'durably')},
    finished AS (
      UPDATE data_migrations.migrations m SET
        status = 'finished', claim = NULL, finished_at = now(), duration_seconds = m.duration_seconds + ${seconds}::float8,
        result = jsonb_build_object(
          'total_processed', m.total_processed,
          'total_updated', m.total_updated,
          'errors', (SELECT count(*) FROM data_migrations.row_errors e WHERE e.migration = m.name),
          'duration_seconds', round((m.duration_seconds + ${seconds}::float8)::numeric, 1)
        ) || ${JSON.stringify(extra)}::jsonb
      FROM held WHERE m.name = held.name
      RETURNING m.result
    ),
    owed AS (
      INSERT INTO data_migrations.follow_ups AS f (job)
      SELECT job FROM finished, jsonb_array_elements_text(${JSON.stringify(migration.rebuilds)}::jsonb) AS job
      ON CONFLICT (job) DO UPDATE SET owed_since = now(), run = NULL, execution_name = NULL
    )
    SELECT result::text AS result FROM finished`);
  return row && (JSON.parse(String(row.result)) as Counters);
}
