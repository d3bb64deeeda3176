import type { Background, Pending, Result } from '../contract.ts';
import { backgroundName, siblingArn } from '../engine/ledger/execution-names.ts';
import { isAlive } from '../engine/ledger/execution-status.ts';
import { backgroundLock, end, runOf } from '../engine/ledger/run-lock.ts';
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
  const run = await runOf(database, backgroundLock(migration));
  if (run === undefined) {
    return undefined;
  }
  if (isAlive(await statusOf(run.execution_arn))) {
    const { execution_arn: execution, waiting } = run;
    return { execution, ...(waiting !== null && { waits_for: waiting.reason }) };
  }
  await end(database, run, 'abandoned');
  return undefined;
}

/** Whether a run has left a migration to its execution in the background. */
export function isLeftToBackground(result: Result | undefined): boolean {
  return typeof result === 'object' && 'state' in result && result.state === 'background';
}
