import type { CleanedUp } from '../contract.ts';
import { runState } from '../engine/ledger/run-record.ts';
import { cleanUp } from '../engine/lifecycle/cleanup.ts';
import type { Turn } from './turn.ts';

/** Drops what a finished migration has left behind. */
export async function cleanup({ engine, run, migration }: Turn): Promise<CleanedUp> {
  // The same call again, because its first answer got lost: it is done already.
  const before = await runState(engine.database, run);
  if (!before.results.has(migration.name)) {
    await cleanUp(engine.database, migration, run, engine.clock);
  }
  const { results } = await runState(engine.database, run);
  return { state: 'done', result: results.get(migration.name) ?? 'skipped' };
}
