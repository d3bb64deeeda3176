import type { Caller, Pending } from '../contract.ts';
import { begin, beginRestore, beginRetry, statusOf } from '../engine/lifecycle.ts';
import { isPending, rowsKnown } from '../engine/pending.ts';
import { checkRequired } from '../engine/requires.ts';
import { actionOf, hold, runState } from '../engine/runs.ts';
import type { Engine } from './migrate.ts';
import { find, ofRows } from './registry.ts';

/** Asks one migration whether it has work, and enters it in the ledger if so. */
export async function pending(engine: Engine, run: Caller, name: string): Promise<Pending> {
  const { database, migrations, slicesPerExecution } = engine;
  const migration = find(migrations, name);
  await hold(database, engine.statusOf, run);
  const { slices, request } = await runState(database, run);
  if (slices >= slicesPerExecution) return { state: 'continued' };

  switch (actionOf(request)?.action) {
    case 'validate':
    case 'cleanup':
      return { state: request.cleanup === undefined ? 'validate' : 'cleanup' };
    case 'restore':
      await beginRestore(database, ofRows(migration), run);
      return { state: 'restore' };
    case 'retry':
      return { state: (await beginRetry(database, ofRows(migration), run)) ? 'pending' : 'skipped' };
    default:
  }
  if ((await statusOf(database, name)) === 'restoring') return { state: 'restore' };
  if (!(await isPending(database, migration))) return { state: 'skipped' };
  await checkRequired(database, migrations, migration);
  await begin(database, migration, run, await rowsKnown(database, migration));
  return { state: 'pending' };
}
