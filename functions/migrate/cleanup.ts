import type { CleanedUp } from '../contract.ts';
import { runState } from '../engine/ledger/run-record.ts';
import { cleanUp } from '../engine/lifecycle/cleanup.ts';
import type { Turn } from './turn.ts';

/** Drops what a finished migration has left behind. */
export async function cleanup({ engine, run, migration }: Turn): Promise<CleanedUp> {
  const { answer } = await runState(engine.database, run);
  // The same call again, because its first answer got lost: it is done already.
  if (answer === undefined) {
    await cleanUp(engine.database, migration, run, engine.clock);
  }
  return { state: 'done' };
}
