import { string } from 'valibot';
import type { Database } from '../database/data-api.ts';
import { type Sql, sql } from '../database/sql.ts';
import { executionArn } from './execution-names.ts';
import { type ExecutionStatus, isAlive } from './execution-status.ts';
import { ledger } from './names.ts';

/** The follow-up jobs that are deployed, each with the ARN of its machine. */
export type Jobs = Readonly<Record<string, string>>;

/**
 * Looks after the follow-up jobs of earlier runs. A job whose execution succeeded is settled. A job is owed again if its
 * execution failed or never began, or if its run was stopped before starting it.
 */
export async function settleFollowUps(
  database: Database,
  statusOf: ExecutionStatus,
  jobs: Jobs,
): Promise<void> {
  const rows = await database.query(
    sql`SELECT job, run, execution_name FROM ${ledger.followUps} WHERE run IS NOT NULL`,
    { job: string(), run: string(), execution_name: string() },
  );
  for (const { job, run, execution_name } of rows) {
    const machine = jobs[job];
    if (machine === undefined) {
      continue;
    }
    const status = await statusOf(executionArn(machine, execution_name));
    const settled = sql`job = ${job} AND run = ${run}`;
    if (status === 'SUCCEEDED') {
      await database.execute(sql`DELETE FROM ${ledger.followUps} WHERE ${settled}`);
    } else if (!isAlive(status) && !isAlive(await statusOf(run))) {
      await database.execute(sql`
        UPDATE ${ledger.followUps} SET run = NULL, execution_name = NULL WHERE ${settled}`);
    }
  }
}

/** A CTE: follow-up jobs are owed from now on if the condition holds, whatever became of an earlier start of them. */
export function owed(jobs: readonly string[], condition: Sql): Sql {
  return sql`
    "owed#" AS (
      INSERT INTO ${ledger.followUps} AS f (job)
      SELECT job FROM jsonb_array_elements_text(${JSON.stringify(jobs)}::jsonb) AS job WHERE ${condition}
      ON CONFLICT (job) DO UPDATE SET owed_since = now(), run = NULL, execution_name = NULL
    )`;
}

/** A follow-up job that a migration declares. */
export interface Declared {
  readonly job: string;
  readonly migration: string;
}

/**
 * A CTE: the runs under way that have finished, or put back, a migration which declares a job. Theirs is the job to start, once they have
 * succeeded, and not that of a run which succeeds meanwhile.
 */
export function owners(declared: readonly Declared[]): Sql {
  return sql`
    "owner#" AS (
      SELECT d.job, m.run FROM jsonb_to_recordset(${JSON.stringify(declared)}::jsonb) AS d (job text, migration text)
      JOIN ${ledger.migrations} m ON m.name = d.migration AND m.status IN ('finished', 'restored')
      JOIN ${ledger.runs} r ON r.execution_arn = m.run AND r.status = 'running'
    )`;
}

/** Of the owners beside this run, those whose executions do not run any more: somebody has stopped them, and the ledger does not know. */
export async function ownersThatEnded(
  database: Database,
  statusOf: ExecutionStatus,
  run: string,
  declared: readonly Declared[],
): Promise<readonly string[]> {
  if (declared.length === 0) {
    return [];
  }
  const others = await database.query(
    sql`
    WITH ${owners(declared)}
    SELECT DISTINCT o.run FROM "owner#" o JOIN ${ledger.followUps} f ON f.job = o.job AND f.run IS NULL WHERE o.run <> ${run}`,
    { run: string() },
  );
  const ended: string[] = [];
  for (const other of others) {
    if (!isAlive(await statusOf(other.run))) {
      ended.push(other.run);
    }
  }
  return ended;
}
