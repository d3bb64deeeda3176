import type { Caller, Closed, LeftUnfinished, Result } from '../contract.ts';
import { Superseded } from '../engine/errors.ts';
import { hold, succeed } from '../engine/ledger/run-lock.ts';
import { actionOf, type RunState, runState } from '../engine/ledger/run-record.ts';
import { isTooNew } from '../engine/ledger/schema.ts';
import { unfinishedBesides } from '../engine/lifecycle/how-far.ts';
import type { Engine } from './engine.ts';
import { nextJobs, resultMap } from './result-map.ts';
import { isPartOver } from './turn.ts';

/** Ends a run with its result map and the follow-up jobs to start, or says that it goes on in its next part. */
export async function close(engine: Engine, run: Caller): Promise<Closed> {
  const { database, statusOf, migrations, jobs, showsRowData } = engine;
  if (await isTooNew(database)) {
    return { state: 'continued' };
  }
  const state = await runState(database, run);
  const only = actionOf(state.request)?.migration;
  const names = only === undefined ? migrations.map(({ name }) => name) : [only];
  if (isPartOver({ engine }, state) && !isThrough(state, only)) {
    return { state: 'continued' };
  }
  const declared = migrations.flatMap(({ name, rebuilds }) =>
    rebuilds.map((job) => ({ job, migration: name })),
  );
  const { isNew, followUps } = await held(engine, run, () => succeed(database, statusOf, run, declared));
  if (isNew) {
    engine.metrics.ofStack({ RunsSucceeded: 1 });
  }
  const left = only === undefined ? await leftUnfinished(engine) : [];
  const results = new Map([...left, ...state.results]);
  const all = [...names, ...left.map(([name]) => name)];
  return {
    state: 'succeeded',
    result: resultMap(all, results, nextJobs(followUps, jobs), showsRowData),
    follow_ups: followUps,
  };
}

/** A run for one migration that has its answer has nothing left to do in another part. */
const isThrough = ({ results }: RunState, only: string | undefined): boolean =>
  only !== undefined && results.has(only);

/** What earlier releases registered and this one does not, and what is not done. */
async function leftUnfinished({
  database,
  migrations,
}: Engine): Promise<readonly (readonly [string, Result])[]> {
  const registered = migrations.map(({ name }) => name);
  const left = await unfinishedBesides(database, registered);
  return left.map(({ name, total_processed, percent }) => [
    name,
    { state: 'left unfinished', total_processed, percent } satisfies LeftUnfinished,
  ]);
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
