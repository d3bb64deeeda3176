import type { Caller, CleanedUp } from '../contract.ts';
import { hold } from '../engine/ledger/run-lock.ts';
import { runState } from '../engine/ledger/run-record.ts';
import { cleanUp } from '../engine/lifecycle/cleanup.ts';
import type { Engine } from './engine.ts';
import { find } from './registry.ts';

/** Drops what a finished migration has left behind. */
export async function cleanup(engine: Engine, run: Caller, name: string): Promise<CleanedUp> {
  const { database, clock, migrations, statusOf } = engine;
  const migration = find(migrations, name);
  await hold(database, statusOf, run);
  const { answer } = await runState(database, run);
  // Asked again after an answer that got lost, it has been done, and said.
  if (answer === undefined) {
    await cleanUp(database, migration, run, clock);
  }
  return { state: 'done' };
}
