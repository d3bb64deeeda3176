import type { Pending } from '../contract.ts';
import { MigrationFailed } from '../engine/errors.ts';
import { actionOf, runState } from '../engine/ledger/run-record.ts';
import { begin, beginRestore, beginRetry } from '../engine/lifecycle/begin.ts';
import { statusOf } from '../engine/lifecycle/migration-status.ts';
import { isPending } from '../engine/lifecycle/pending.ts';
import { checkRequired } from '../engine/lifecycle/requires.ts';
import { rowsKnown } from '../engine/lifecycle/rows-known.ts';
import { ofRows } from './registry.ts';
import { isHistoryLong, type Turn } from './turn.ts';

/** Asks one migration whether it has work, and enters it in the ledger if so. */
export async function pending(turn: Turn): Promise<Pending> {
  const { engine, run, migration } = turn;
  const { database, migrations } = engine;
  const { slices, request } = await runState(database, run);
  if (isHistoryLong(turn, slices)) {
    return { state: 'continued' };
  }

  const action = actionOf(request)?.action;
  switch (action) {
    case 'validate':
      return { state: 'validate' };
    case 'cleanup':
      return { state: 'cleanup' };
    case 'restore':
      await beginRestore(database, ofRows(migration), run);
      return { state: 'restore' };
    case 'retry':
      return { state: (await beginRetry(database, ofRows(migration), run)) ? 'pending' : 'skipped' };
    case 'only':
    case undefined:
      break;
    default:
      // A run that is asked for something else must not migrate.
      throw new MigrationFailed(`no such action: ${JSON.stringify(action satisfies never)}`);
  }
  const status = await statusOf(database, migration.name);
  if (status === 'restoring') {
    return { state: 'restore' };
  }
  const hasWork = await isPending(database, migration);
  // A migration that was started by its name may have nothing to do only because the ones it requires have not run yet.
  if (hasWork || (request.only !== undefined && status === undefined)) {
    await checkRequired(database, migrations, migration);
  }
  if (!hasWork) {
    return { state: 'skipped' };
  }
  await begin(database, migration, run, await rowsKnown(database, migration));
  return { state: 'pending' };
}
