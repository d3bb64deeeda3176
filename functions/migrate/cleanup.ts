import type { Caller, CleanedUp } from '../contract.ts';
import { cleanUp } from '../engine/cleanup.ts';
import { runState } from '../engine/run-state.ts';
import { hold } from '../engine/runs.ts';
import type { Engine } from './migrate.ts';
import { find } from './registry.ts';

/** Drops what a finished migration has left behind. */
export async function cleanup(engine: Engine, run: Caller, name: string): Promise<CleanedUp> {
  const { database, clock, migrations, statusOf } = engine;
  const migration = find(migrations, name);
  await hold(database, statusOf, run);
  const { answer } = await runState(database, run);
  // Asked again after an answer that got lost, it has been done, and said.
  if (answer === undefined) await cleanUp(database, migration, run, clock);
  return { state: 'done' };
}
