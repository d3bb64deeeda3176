import type { Caller, Restored } from '../contract.ts';
import { describeTable } from '../engine/database/table.ts';
import { MigrationFailed, Superseded } from '../engine/errors.ts';
import { sliceDeadline } from '../engine/invocation.ts';
import { claim } from '../engine/ledger/checkpoint.ts';
import { hold } from '../engine/ledger/run-lock.ts';
import { keepAnswer } from '../engine/ledger/run-record.ts';
import { runRestore } from '../engine/restore/run-restore.ts';
import { invalidAndRestored } from '../engine/slice/failure-messages.ts';
import type { Engine } from './engine.ts';
import { find, ofRows } from './registry.ts';

/**
 * Puts back the rows of a migration for one slice. Throws ValidationFailed at the end, and whenever it is asked again, if a
 * failed validation made it do so and nobody has asked for it since.
 */
export async function restore(engine: Engine, run: Caller, name: string): Promise<Restored> {
  const { database, clock, logger } = engine;
  const deadline = sliceDeadline(clock, engine.remaining());
  const migration = ofRows(find(engine.migrations, name));
  await hold(database, engine.statusOf, run);
  const at = await claim(database, name, run);
  if (at === undefined) {
    throw new Superseded(`migration "${name}": the run ${run.execution_arn} does not hold the ledger`);
  }
  if (at.status !== 'restoring' && at.status !== 'restored') {
    throw new MigrationFailed(`migration "${name}" is ${at.status}, and was not asked to be restored`);
  }

  // The journal says which columns; here only the key is needed.
  const table = await describeTable(database, { ...migration, columns: [] });
  const progress = await runRestore(database, migration, table, at, clock, deadline);
  if (progress.state === 'lost') {
    return { state: 'more', rest_seconds: 0, restored: 0, left: 0 };
  }
  const { restored, left, invalid } = progress.restore;
  logger.info('restoring', { state: progress.state, restored, left });
  if (progress.state === 'more') {
    const state = at.slices >= engine.slicesPerExecution ? 'continued' : 'more';
    return { state, rest_seconds: 0, restored, left };
  }
  if (at.request.restore !== undefined) {
    await keepAnswer(database, run, { restored, left });
  } else if (invalid) {
    throw invalidAndRestored(migration, progress.restore);
  }
  return { state: 'done', rest_seconds: 0, restored, left };
}
