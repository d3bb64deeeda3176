import { nullable, number, string } from 'valibot';
import type { Caller, FollowUp, RunInput } from '../../contract.ts';
import type { Database } from '../database/data-api.ts';
import { sql } from '../database/sql.ts';
import { AlreadyRunning, DatabaseError, Superseded } from '../errors.ts';
import { continuationName, executionName } from './execution-names.ts';
import { type ExecutionStatus, isAlive } from './execution-status.ts';
import { isUnderWay, makeIf } from './life-cycle.ts';
import { ledger } from './names.ts';

/**
 * Makes this execution the one that holds the ledger. If another one does, Step Functions is asked whether that one still
 * runs; if it does not, its place is taken. Throws AlreadyRunning, or Superseded for a call that is older than what the
 * ledger knows of its own execution.
 */
export async function hold(
  database: Database,
  statusOf: ExecutionStatus,
  run: Caller,
  request: RunInput = {},
): Promise<void> {
  // Two tries are enough unless several starts race for a dead run's place. Then one of them wins each time.
  for (let tries = 0; tries < 5; tries += 1) {
    if (await enter(database, run, request)) {
      return;
    }
    const [holder] = await database.query(
      sql`
      SELECT r.execution_arn, r.redrive_count, (
          SELECT before.execution_arn FROM ${ledger.runs} before
          WHERE before.first_arn = r.first_arn AND before.status = 'continued' AND r.slices = 0
          ORDER BY before.ended_at DESC LIMIT 1) AS handed_over_by
      FROM ${ledger.runs} r WHERE r.status = 'running'`,
      { execution_arn: string(), redrive_count: number(), handed_over_by: nullable(string()) },
    );
    if (!holder) {
      continue;
    }
    const { execution_arn: arn, redrive_count, handed_over_by: before } = holder;
    if (arn === run.execution_arn) {
      continue; // entered meanwhile by a duplicate of this invocation
    }
    // A continuation may not have been started yet: as long as the part before it runs, it will be.
    if (isAlive(await statusOf(arn)) || (before !== null && isAlive(await statusOf(before)))) {
      throw new AlreadyRunning(
        `the run ${arn} holds the ledger and is still running. Wait until it has ended, or stop it, and start again`,
      );
    }
    await end(database, { execution_arn: arn, redrive_count }, 'abandoned');
  }
  throw new AlreadyRunning('several runs are being started at once, and others were faster. Start again');
}

/** Enters the run as the running one; false if another is. A redrive goes on under the same name. */
async function enter(
  database: Database,
  { execution_arn: arn, redrive_count: redrives }: Caller,
  request: RunInput,
): Promise<boolean> {
  try {
    const [row] = await database.query(
      sql`
      INSERT INTO ${ledger.runs} AS r (execution_arn, first_arn, redrive_count, status, request)
      VALUES (${arn}, ${arn}, ${redrives}, 'running', ${JSON.stringify(request)}::jsonb)
      ON CONFLICT (execution_arn) DO UPDATE
        SET status = 'running', redrive_count = excluded.redrive_count, failure = NULL, ended_at = NULL
        WHERE r.redrive_count < excluded.redrive_count
          OR (r.redrive_count = excluded.redrive_count AND r.status = 'running')
      RETURNING execution_arn`,
      { execution_arn: string() },
    );
    if (row) {
      return true;
    }
  } catch (error) {
    // The unique index one_run_at_a_time says that another run is entered.
    if (error instanceof DatabaseError && error.sqlState === '23505') {
      return false;
    }
    throw error;
  }
  throw new Superseded(`the run ${arn} has ended, or was redriven since; nothing was done`);
}

/**
 * Ends a run that did not succeed, and takes away the claims of its invocations that may still be under way. Ending it twice
 * changes nothing more, and a run that was redriven since is left alone. If the run was handed over to a continuation that
 * never began, that one is ended, too.
 */
export async function end(
  database: Database,
  { execution_arn, redrive_count }: Caller,
  status: 'abandoned' | 'failed',
  failure: string | null = null,
): Promise<void> {
  await database.execute(sql`
    WITH me AS MATERIALIZED ( -- locked, so that a redrive which is just being entered counts
      SELECT r.execution_arn, r.first_arn, r.status FROM ${ledger.runs} r
      WHERE r.execution_arn = ${execution_arn} AND r.redrive_count <= ${redrive_count}
        AND r.status IN ('running', 'succeeded', 'continued')
      FOR UPDATE
    ), ended AS (
      UPDATE ${ledger.runs} r SET status = ${status}, failure = ${failure}, ended_at = now()
      FROM me
      WHERE r.execution_arn = me.execution_arn
        OR (me.status = 'continued' AND r.first_arn = me.first_arn AND r.status = 'running' AND r.slices = 0)
      RETURNING r.first_arn
    )
    UPDATE ${ledger.migrations} m
    SET claim = NULL, resting = NULL, ${makeIf('breakOff')}
    FROM ${ledger.runs} r, ended
    WHERE ${isUnderWay()} AND m.run = r.execution_arn AND r.first_arn = ended.first_arn`);
}

/** Ends a run that succeeded, and gives it the follow-up jobs that are owed. Called again, it answers the same. */
export async function succeed(database: Database, run: Caller): Promise<readonly FollowUp[] | undefined> {
  // A follow-up's execution has the name of its run, so that a retry cannot start a second one and people find it.
  const name = executionName(run.execution_arn);
  const [ended] = await database.query(
    sql`
    WITH me AS (
      SELECT execution_arn FROM ${ledger.runs}
      WHERE execution_arn = ${run.execution_arn} AND redrive_count <= ${run.redrive_count}
        AND status IN ('running', 'succeeded')
    ), ended AS (
      UPDATE ${ledger.runs} r
      SET status = 'succeeded', redrive_count = ${run.redrive_count}, ended_at = now()
      FROM me WHERE r.execution_arn = me.execution_arn AND r.status = 'running'
      RETURNING r.execution_arn, jsonb_exists_any(r.request, '{validate,cleanup}'::text[]) AS only_looks
    ), taken AS ( -- once: what is owed later is another run's, and one that changed no row starts nothing
      UPDATE ${ledger.followUps} f SET run = ended.execution_arn, execution_name = ${name}
      FROM ended WHERE f.run IS NULL AND NOT ended.only_looks
    )
    SELECT execution_arn FROM me`,
    { execution_arn: string() },
  );
  if (!ended) {
    return undefined;
  }
  return database.query(
    sql`SELECT job, execution_name FROM ${ledger.followUps} WHERE run = ${run.execution_arn} ORDER BY job`,
    { job: string(), execution_name: string() },
  );
}

/**
 * Ends an execution whose history gets long, and holds the ledger for its continuation, so that no other run gets in between.
 * Returns the continuation's execution name; undefined if the run does not hold the ledger.
 */
export async function handOver(database: Database, run: Caller): Promise<string | undefined> {
  const name = continuationName(executionName(run.execution_arn));
  const arn = run.execution_arn.replace(/[^:]+$/, name);
  const [ended] = await database.query(
    sql`
    WITH ended AS (
      UPDATE ${ledger.runs}
      SET status = 'continued', redrive_count = ${run.redrive_count}, ended_at = COALESCE(ended_at, now())
      WHERE execution_arn = ${run.execution_arn} AND redrive_count <= ${run.redrive_count}
        AND status IN ('running', 'continued')
      RETURNING first_arn, request, stage, result
    ), entered AS (
      INSERT INTO ${ledger.runs} (execution_arn, first_arn, redrive_count, status, request, stage, result)
      SELECT ${arn}, first_arn, 0, 'running', request, stage, result FROM ended
      ON CONFLICT (execution_arn) DO NOTHING
    )
    SELECT first_arn FROM ended`,
    { first_arn: string() },
  );
  return ended && name;
}
