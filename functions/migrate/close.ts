import type { Caller, Closed } from '../contract.ts';
import { Superseded } from '../engine/errors.ts';
import { handOver, hold, succeed } from '../engine/ledger/run-lock.ts';
import { actionOf, resultsOf, runState } from '../engine/ledger/run-record.ts';
import type { Engine } from './engine.ts';
import { resultMap } from './result-map.ts';

/** Ends a run: with its result map and the follow-up jobs to start, or by handing over to its continuation. */
export async function close(engine: Engine, run: Caller): Promise<Closed> {
  const { database, migrations, slicesPerExecution, showsRowData } = engine;
  const { slices, request, answer } = await runState(database, run);
  // A run that has its answer has nothing left to do in a continuation.
  if (slices >= slicesPerExecution && answer === undefined) {
    const name = await held(engine, run, () => handOver(database, run));
    return { state: 'continued', execution_name: name, input: { continues: run.execution_arn } };
  }
  const followUps = await held(engine, run, () => succeed(database, run));
  const only = actionOf(request)?.migration;
  const names = only === undefined ? migrations.map(({ name }) => name) : [only];
  const results =
    answer === undefined ? await resultsOf(database, run) : new Map([[names[0] as string, answer]]);
  const result = resultMap(names, results, followUps, showsRowData);
  return { state: 'succeeded', result, follow_ups: followUps };
}

/** Does work that needs the ledger. A run that failed in this state and is redriven has to get the ledger back first. */
async function held<T>(
  { database, statusOf }: Engine,
  run: Caller,
  work: () => Promise<T | undefined>,
): Promise<T> {
  const done = await work();
  if (done !== undefined) {
    return done;
  }
  await hold(database, statusOf, run);
  const doneNow = await work();
  if (doneNow !== undefined) {
    return doneNow;
  }
  throw new Superseded(`the run ${run.execution_arn} does not hold the ledger; nothing was closed`);
}
