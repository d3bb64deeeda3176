import type { NotBegun, Restored } from '../contract.ts';
import { describeTable } from '../engine/database/table.ts';
import type { RowMigration } from '../engine/define/registered.ts';
import { MigrationFailed } from '../engine/errors.ts';
import type { Checkpoint } from '../engine/ledger/checkpoint.ts';
import { runRestore } from '../engine/restore/run-restore.ts';
import { invalidAndRestored } from '../engine/restore/validation-failed.ts';
import { ofRows } from './registry.ts';
import { keptResult } from './result-map.ts';
import { told } from './told.ts';
import { ofBatches } from './told-slice.ts';
import { isPartOver, sliceOf, type Turn, withClaim } from './turn.ts';

/**
 * Puts back the rows of a migration for one slice. If a failed validation was the reason, and not somebody's request, it throws
 * ValidationFailed at the end, and each time that it is called after that.
 */
export function restore(turn: Turn): Promise<Restored | NotBegun> {
  // Half restored is no state to be paused in.
  return withClaim(turn, (at) => putBack(turn, ofRows(turn.migration), at), { holdsWhilePaused: true });
}

async function putBack(turn: Turn, migration: RowMigration, at: Checkpoint): Promise<Restored> {
  const { engine, tally } = turn;
  if (at.status !== 'restoring' && at.status !== 'restored') {
    throw new MigrationFailed(
      `migration "${migration.name}" is ${at.status}, and was not asked to be restored`,
    );
  }

  // The journal says which columns; here only the key is needed.
  const table = await describeTable(engine.database, { ...migration, columns: [] });
  const work = () => runRestore(sliceOf(turn, migration, table), at);
  const progress = await told(turn, 'restoring', work, () => ({ values: ofBatches(tally) }));
  if (progress.state === 'lost') {
    return { state: 'more', rest_seconds: 0, restored: 0, left: 0 };
  }
  const { restored, left, invalid } = progress.restore;
  if (progress.state === 'more') {
    return { state: isPartOver(turn, at) ? 'continued' : 'more', rest_seconds: 0, restored, left };
  }
  if (at.request.restore === undefined && invalid) {
    throw invalidAndRestored(migration, progress.restore);
  }
  return { state: 'done', rest_seconds: 0, restored, left, result: await keptResult(turn) };
}
