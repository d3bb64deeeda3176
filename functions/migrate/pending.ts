import type { Caller, Pending } from '../contract.ts';
import { hold } from '../engine/ledger/run-lock.ts';
import { actionOf, runState } from '../engine/ledger/run-record.ts';
import { begin, beginRestore, beginRetry, statusOf } from '../engine/lifecycle/migration-status.ts';
import { isPending, rowsKnown } from '../engine/lifecycle/pending.ts';
import { checkRequired } from '../engine/lifecycle/requires.ts';
import type { Engine } from './engine.ts';
import { find, ofRows } from './registry.ts';

/** Asks one migration whether it has work, and enters it in the ledger if so. */
export async function pending(engine: Engine, run: Caller, name: string): Promise<Pending> {
  const { database, migrations, slicesPerExecution } = engine;
  const migration = find(migrations, name);
  await hold(database, engine.statusOf, run);
  const { slices, request } = await runState(database, run);
  if (slices >= slicesPerExecution) {
    return { state: 'continued' };
  }

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
  const status = await statusOf(database, name);
  if (status === 'restoring') {
    return { state: 'restore' };
  }
  const hasWork = await isPending(database, migration);
  // Asked for by its name, what has never run may have nothing to do only because what it requires has not been done.
  if (hasWork || (request.only !== undefined && status === undefined)) {
    await checkRequired(database, migrations, migration);
  }
  if (!hasWork) {
    return { state: 'skipped' };
  }
  await begin(database, migration, run, await rowsKnown(database, migration));
  return { state: 'pending' };
}
