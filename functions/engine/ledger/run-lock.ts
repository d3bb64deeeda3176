import { boolean, nullable, number, picklist, string } from 'valibot';
import type { Caller, Execution, FollowUp, RunInput } from '../../contract.ts';
import type { Database } from '../database/data-api.ts';
import { ownJson } from '../database/row-shape.ts';
import { sql, when, withCtes } from '../database/sql.ts';
import { AlreadyRunning, DatabaseError, Superseded } from '../errors.ts';
import { executionName } from './execution-names.ts';
import { type ExecutionStatus, isAlive } from './execution-status.ts';
import { type Declared, owners, ownersThatEnded } from './follow-ups.ts';
import { noted } from './history.ts';
import { isUnderWay, makeIf } from './life-cycle.ts';
import { ledger } from './names.ts';
import { actionOf } from './run-record.ts';
import type { Waiting } from './waiting.ts';

/** What a run is entered with. */
export interface Entry {
  /** Left out where only a part of a run is to be entered that the ledger knows already. */
  readonly request?: RunInput;
  /** Who starts it, or why, for the history. */
  readonly comment?: string | null;
  /** The version of the function that opens it. */
  readonly code: string;
}

/** The lock of the execution in which a migration goes on in the background. */
export const backgroundLock = (migration: string): string => `background:${migration}`;

/** Runs of one lock are never under way at the same time: of a release, in the background, or asked for one migration. */
export function lockOf(request: RunInput): string {
  const asked = actionOf(request);
  if (asked === undefined) {
    return '';
  }
  return asked.action === 'background' ? backgroundLock(asked.migration) : asked.migration;
}

/**
 * Makes this execution the run that is under way; `entry` only where it may be one that the ledger does not know yet. If another
 * one has its lock, Step Functions is asked whether that one still runs; if it does not, its place is taken. Throws AlreadyRunning, or
 * Superseded for a call that is older than what the ledger knows of its own run.
 *
 * @returns whether the run has begun with this call, or goes on.
 */
export async function hold(
  database: Database,
  statusOf: ExecutionStatus,
  run: Caller,
  entry?: Entry,
): Promise<Entered> {
  // Two tries are enough unless several starts race for a dead run's place. Then one of them wins each time.
  for (let tries = 0; tries < 5; tries += 1) {
    const entered = await enter(database, run, entry);
    if (entered !== undefined) {
      return entered;
    }
    const [holder] = await database.query(
      sql`
      SELECT r.execution_arn, r.redrive_count FROM ${ledger.runs} r
      WHERE r.status = 'running' AND r.execution_arn <> ${run.execution_arn}
        AND r.lock = COALESCE((SELECT me.lock FROM ${ledger.runs} me WHERE me.execution_arn = ${run.execution_arn}),
          ${lockOf(entry?.request ?? {})})`,
      { execution_arn: string(), redrive_count: number() },
    );
    if (!holder) {
      continue; // it has ended meanwhile, or this one was entered by a duplicate of this invocation
    }
    if (isAlive(await statusOf(holder.execution_arn))) {
      throw stillRuns(holder.execution_arn);
    }
    await end(database, holder, 'abandoned');
  }
  throw new AlreadyRunning('several runs are being started at once, and others were faster. Start again');
}

/** The migration that a run is for, from its lock; NULL for all. */
const ofOneMigration = sql`NULLIF(replace(lock, ${backgroundLock('')}, ''), '')`;

/** A condition over a run's line `r` and its migration's line `m`: that goes on in the background. */
export const isInBackground = sql`r.lock = ${backgroundLock('')} || m.name`;

/** A run as the ledger has it under way, dead or alive, and what it waits for. */
export interface Running extends Execution {
  readonly waiting: Waiting | null;
}

const running = { execution_arn: string(), redrive_count: number(), waiting: nullable(ownJson<Waiting>()) };

/** The run that has this lock. */
export async function runOf(database: Database, lock: string): Promise<Running | undefined> {
  const [row] = await database.query(
    sql`
    SELECT r.execution_arn, r.redrive_count, r.waiting::text AS waiting FROM ${ledger.runs} r
    WHERE r.status = 'running' AND r.lock = ${lock}`,
    running,
  );
  return row;
}

/** The run that is at a migration. */
export async function runAt(database: Database, migration: string): Promise<Running | undefined> {
  const [row] = await database.query(
    sql`
    SELECT r.execution_arn, r.redrive_count, r.waiting::text AS waiting
    FROM ${ledger.migrations} m JOIN ${ledger.runs} r ON r.execution_arn = m.run
    WHERE m.name = ${migration} AND ${isUnderWay()} AND r.status = 'running'`,
    running,
  );
  return row;
}

/** What a start is refused with while another run is in its way. */
export function stillRuns(arn: string): AlreadyRunning {
  return new AlreadyRunning(
    `the run ${arn} holds the ledger and is still running. Wait until it has ended, or stop it, and start again`,
  );
}

/** How a run was entered. */
type Entered = 'begun' | 'goes on';

/** Enters the run as the running one; undefined if another of its lock is. A redrive, and a part, go on under the same name. */
async function enter(
  database: Database,
  { execution_arn: arn, redrive_count: redrives, part }: Caller,
  entry: Entry | undefined,
): Promise<Entered | undefined> {
  const before = sql`
    "before#" AS (
      SELECT r.redrive_count, r.part, r.status FROM ${ledger.runs} r WHERE r.execution_arn = ${arn}
    )`;
  const goesOn = sql`
    "goes_on#" AS (
      UPDATE ${ledger.runs} r
      SET status = 'running', redrive_count = ${redrives}, part = ${part}, failure = NULL, ended_at = NULL,
        slices = CASE WHEN r.redrive_count = ${redrives} AND r.part = ${part} THEN r.slices ELSE 0 END
        ${when(entry, sql`, code = ${entry?.code ?? ''}, renew = false`)}
      WHERE r.execution_arn = ${arn} AND (r.redrive_count < ${redrives}
        OR (r.redrive_count = ${redrives} AND r.part <= ${part} AND r.status = 'running'))
      RETURNING r.execution_arn, r.lock
    )`;
  const begins = sql`
    "begins#" AS (
      INSERT INTO ${ledger.runs} AS r (execution_arn, redrive_count, part, status, lock, request, code)
      SELECT ${arn}, ${redrives}, ${part}, 'running', ${lockOf(entry?.request ?? {})}, ${JSON.stringify(entry?.request ?? {})}::jsonb,
        ${entry?.code ?? ''}
      WHERE ${entry?.request !== undefined} AND NOT EXISTS (SELECT FROM "before#")
      ON CONFLICT (execution_arn) DO NOTHING
      RETURNING r.execution_arn, r.lock
    )`;
  const note = noted(
    sql`CASE WHEN b.status IS NULL THEN 'run started' WHEN b.redrive_count < ${redrives} THEN 'run redriven'
      ELSE 'run went on in its next part' END`,
    sql`(SELECT execution_arn, lock FROM "goes_on#" UNION ALL SELECT execution_arn, lock FROM "begins#") AS e LEFT JOIN "before#" b ON true
      WHERE b.status IS NULL OR b.redrive_count < ${redrives} OR b.part < ${part}`,
    {
      run: sql`e.execution_arn`,
      migration: ofOneMigration,
      who: sql`CASE WHEN b.status IS NULL THEN ${entry?.comment ?? null} END`,
      detail: sql`CASE WHEN ${part} > 1 THEN 'part ' || ${part}::text END`,
    },
  );
  try {
    const [entered] = await database.query(
      withCtes(
        [before, goesOn, begins, note],
        sql`
        SELECT 'goes on' AS how FROM "goes_on#" UNION ALL SELECT 'begun' FROM "begins#"
        UNION ALL SELECT 'too late' FROM "before#" WHERE NOT EXISTS (SELECT FROM "goes_on#")`,
      ),
      { how: picklist(['begun', 'goes on', 'too late']) },
    );
    if (entered === undefined) {
      if (entry?.request !== undefined) {
        return undefined; // a duplicate of this invocation has just entered it
      }
      throw new Superseded(`the ledger knows no run ${arn}; nothing was done. Start the machine again`);
    }
    if (entered.how !== 'too late') {
      return entered.how;
    }
  } catch (error) {
    // The unique index one_run_for_each_lock says that another run is entered.
    if (error instanceof DatabaseError && error.sqlState === '23505') {
      return undefined;
    }
    throw error;
  }
  throw new Superseded(`the run ${arn} has ended, or was redriven since; nothing was done`);
}

/** Asks what goes on in the background with other code to go on with the code that was deployed now, in its next part. */
export async function renewBackground(database: Database, code: string): Promise<void> {
  await database.execute(sql`
    UPDATE ${ledger.runs} r SET renew = true
    WHERE r.status = 'running' AND r.lock LIKE ${backgroundLock('%')} AND r.code IS DISTINCT FROM ${code}`);
}

/**
 * Ends a run that did not succeed, and takes away the claims of its invocations that may still be under way. Ending it twice
 * changes nothing more, and a run that was redriven since is left alone.
 *
 * @returns whether it has ended with this call, or before; or was never entered.
 */
export async function end(
  database: Database,
  { execution_arn, redrive_count }: Execution,
  status: 'abandoned' | 'failed',
  failure: string | null = null,
): Promise<'now' | 'before' | 'never entered'> {
  const me = sql`
    "me#" AS MATERIALIZED ( -- locked, so that a redrive which is just being entered counts
      SELECT r.execution_arn FROM ${ledger.runs} r
      WHERE r.execution_arn = ${execution_arn} AND r.redrive_count <= ${redrive_count} AND r.status IN ('running', 'succeeded')
      FOR UPDATE
    )`;
  const ended = sql`
    "ended#" AS (
      UPDATE ${ledger.runs} r SET status = ${status}, failure = ${failure}, ended_at = now(), waiting = NULL
      FROM "me#" WHERE r.execution_arn = "me#".execution_arn
      RETURNING r.execution_arn, r.lock
    )`;
  const note = noted(status === 'failed' ? 'run failed' : 'run found ended', sql`"ended#"`, {
    run: sql`execution_arn`,
    migration: ofOneMigration,
    detail: sql`left(${failure}::text, 1000)`,
  });
  const brokenOff = sql`
    "broken_off#" AS (
      UPDATE ${ledger.migrations} m SET claim = NULL, resting = NULL, ${makeIf('breakOff')}
      FROM "ended#" WHERE ${isUnderWay()} AND m.run = "ended#".execution_arn
    )`;
  const [found] = await database.query(
    withCtes(
      [me, ended, note, brokenOff],
      sql`
      SELECT CASE WHEN EXISTS (SELECT FROM "ended#") THEN 'now'
        WHEN EXISTS (SELECT FROM ${ledger.runs} r WHERE r.execution_arn = ${execution_arn}) THEN 'before'
        ELSE 'never entered' END AS ended`,
    ),
    { ended: picklist(['now', 'before', 'never entered']) },
  );
  return found?.ended ?? 'before';
}

/** A run that succeeded. */
export interface Succeeded {
  /** It has ended with this call, and not before. */
  readonly isNew: boolean;
  /** The jobs that it is to start. */
  readonly followUps: readonly FollowUp[];
}

/**
 * Ends a run that succeeded, and gives it the follow-up jobs that are owed, but those of other runs that are under way. Called again, it
 * answers with the same jobs.
 */
export async function succeed(
  database: Database,
  statusOf: ExecutionStatus,
  run: Caller,
  declared: readonly Declared[],
): Promise<Succeeded | undefined> {
  const haveEnded = await ownersThatEnded(database, statusOf, run.execution_arn, declared);
  // A follow-up's execution has the name of its run, so that a retry cannot start a second one and people find it.
  const name = executionName(run.execution_arn);
  const me = sql`
    "me#" AS (
      SELECT execution_arn FROM ${ledger.runs}
      WHERE execution_arn = ${run.execution_arn} AND redrive_count <= ${run.redrive_count} AND part <= ${run.part}
        AND status IN ('running', 'succeeded')
    )`;
  const ended = sql`
    "ended#" AS (
      UPDATE ${ledger.runs} r
      SET status = 'succeeded', redrive_count = ${run.redrive_count}, ended_at = now(), waiting = NULL
      FROM "me#" WHERE r.execution_arn = "me#".execution_arn AND r.status = 'running'
      RETURNING r.execution_arn, r.lock, jsonb_exists_any(r.request, '{validate,cleanup}'::text[]) AS only_looks
    )`;
  // Once: what is owed later is another run's, and one that changed no row starts nothing.
  const taken = sql`
    "taken#" AS (
      UPDATE ${ledger.followUps} f SET run = "ended#".execution_arn, execution_name = ${name}
      FROM "ended#" WHERE f.run IS NULL AND NOT "ended#".only_looks AND (
        EXISTS (SELECT FROM "owner#" o WHERE o.job = f.job AND o.run = "ended#".execution_arn)
        OR NOT EXISTS (
          SELECT FROM "owner#" o
          WHERE o.job = f.job AND o.run NOT IN (SELECT jsonb_array_elements_text(${JSON.stringify(haveEnded)}::jsonb))
        )
      )
    )`;
  const note = noted('run succeeded', sql`"ended#"`, {
    run: sql`execution_arn`,
    migration: ofOneMigration,
  });
  const [found] = await database.query(
    withCtes(
      [me, owners(declared), ended, taken, note],
      sql`SELECT EXISTS (SELECT FROM "ended#") AS "isNew" FROM "me#"`,
    ),
    { isNew: boolean() },
  );
  if (!found) {
    return undefined;
  }
  const followUps = await database.query(
    sql`SELECT job, execution_name FROM ${ledger.followUps} WHERE run = ${run.execution_arn} ORDER BY job`,
    { job: string(), execution_name: string() },
  );
  return { ...found, followUps };
}
