import type { Caller, Closed, ResultMap } from '../contract.ts';
import { Superseded } from '../engine/errors.ts';
import { handOver, resultsOf, slicesOf, succeed } from '../engine/runs.ts';
import type { Engine } from './migrate.ts';

/** Ends a run: with its result map and the follow-up jobs to start, or by handing over to its continuation. */
export async function close(engine: Engine, run: Caller): Promise<Closed> {
  const { database, migrations, slicesPerExecution } = engine;
  if ((await slicesOf(database, run)) >= slicesPerExecution) {
    const name = await handOver(database, run);
    if (name === undefined) throw notHeld(run);
    return { state: 'continued', execution_name: name, input: { continues: run.execution_arn } };
  }
  const followUps = await succeed(database, run);
  if (followUps === undefined) throw notHeld(run);
  const results = await resultsOf(database, run);
  const result: ResultMap = {
    ...Object.fromEntries(migrations.map(({ name }) => [name, results.get(name) ?? 'skipped'])),
    ...(followUps.length > 0 && { next_jobs: followUps.map(({ job }) => job) }),
  };
  return { state: 'succeeded', result, follow_ups: followUps };
}

const notHeld = (run: Caller) =>
  new Superseded(`the run ${run.execution_arn} does not hold the ledger; nothing was closed`);
