import { number, string } from 'valibot';
import type { Background, Pending } from '../contract.ts';
import { sql } from '../engine/database/sql.ts';
import { backgroundName, siblingArn } from '../engine/ledger/execution-names.ts';
import { isAlive } from '../engine/ledger/execution-status.ts';
import { ledger } from '../engine/ledger/names.ts';
import { backgroundLock, end } from '../engine/ledger/run-lock.ts';
import { progressIn } from '../engine/lifecycle/how-far.ts';
import type { Engine } from './engine.ts';
import { keptResult } from './result-map.ts';
import type { Turn } from './turn.ts';

/** Leaves a migration to its execution in the background: to the one that goes on already, or to one that is to be started. */
export async function inBackground(turn: Turn): Promise<Pending> {
  const { engine, run, migration } = turn;
  const { name } = migration;
  const running = await backgroundRun(engine, name);
  const execution_name = backgroundName(name, run);
  const execution = running?.execution ?? siblingArn(run.execution_arn, execution_name);
  const progress = await progressIn(engine.database, name);
  const result: Background = {
    state: 'background',
    execution,
    ...(running?.waits_for && { waits_for: running.waits_for }),
    ...progress,
  };
  await keptResult(turn, result);
  if (running !== undefined) {
    return { state: 'background', result };
  }
  return { state: 'start', result, execution_name, input: { background: name } };
}

/** The execution in which a migration goes on in the background; undefined if none runs. */
export async function backgroundRun(
  { database, statusOf }: Engine,
  migration: string,
): Promise<{ readonly execution: string; readonly waits_for?: string } | undefined> {
  const [row] = await database.query(
    sql`
    SELECT r.execution_arn, r.redrive_count, COALESCE(r.waiting ->> 'reason', '') AS waits_for FROM ${ledger.runs} r
    WHERE r.status = 'running' AND r.lock = ${backgroundLock(migration)}`,
    { execution_arn: string(), redrive_count: number(), waits_for: string() },
  );
  if (row === undefined) {
    return undefined;
  }
  const { execution_arn: execution, waits_for } = row;
  if (isAlive(await statusOf(execution))) {
    return { execution, ...(waits_for !== '' && { waits_for }) };
  }
  await end(database, row, 'abandoned');
  return undefined;
}
