import type { Restored } from '../contract.ts';
import { describeTable } from '../engine/database/table.ts';
import { MigrationFailed } from '../engine/errors.ts';
import { keepAnswer } from '../engine/ledger/run-record.ts';
import { runRestore } from '../engine/restore/run-restore.ts';
import { invalidAndRestored } from '../engine/restore/validation-failed.ts';
import { ofRows } from './registry.ts';
import { claimed, isHistoryLong, sliceOf, type Turn } from './turn.ts';

/**
 * Puts back the rows of a migration for one slice. If a failed validation was the reason, and not somebody's request, it throws
 * ValidationFailed at the end, and each time that it is called after that.
 */
export async function restore(turn: Turn): Promise<Restored> {
  const { database, logger } = turn.engine;
  const migration = ofRows(turn.migration);
  const at = await claimed(turn);
  if (at.status !== 'restoring' && at.status !== 'restored') {
    throw new MigrationFailed(
      `migration "${migration.name}" is ${at.status}, and was not asked to be restored`,
    );
  }

  // The journal says which columns; here only the key is needed.
  const table = await describeTable(database, { ...migration, columns: [] });
  const progress = await runRestore(sliceOf(turn, migration, table), at);
  if (progress.state === 'lost') {
    return { state: 'more', rest_seconds: 0, restored: 0, left: 0 };
  }
  const { restored, left, invalid } = progress.restore;
  logger.info('restoring', { state: progress.state, restored, left });
  if (progress.state === 'more') {
    return { state: isHistoryLong(turn, at.slices) ? 'continued' : 'more', rest_seconds: 0, restored, left };
  }
  if (at.request.restore !== undefined) {
    await keepAnswer(database, turn.run, { restored, left });
  } else if (invalid) {
    throw invalidAndRestored(migration, progress.restore);
  }
  return { state: 'done', rest_seconds: 0, restored, left };
}
