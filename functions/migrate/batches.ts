import { type Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import type { Slice } from '../contract.ts';
import { runAlter } from '../engine/alter/run-alter.ts';
import { ensureJournal } from '../engine/batch/undo-journal.ts';
import { describeTable } from '../engine/database/table.ts';
import type { RowMigration } from '../engine/define/registered.ts';
import { columnsNeeded } from '../engine/define/row-options.ts';
import { MigrationFailed } from '../engine/errors.ts';
import type { Checkpoint } from '../engine/ledger/checkpoint.ts';
import { keepAnswer } from '../engine/ledger/run-record.ts';
import { endRetry, finish } from '../engine/lifecycle/finish.ts';
import { ensureMarker } from '../engine/marker/ensure-marker.ts';
import { scheduleOf } from '../engine/schedule/schedule.ts';
import { runRetry } from '../engine/slice/retry-row-errors.ts';
import { type Progress, runSlice } from '../engine/slice/slice.ts';
import { checkValidations } from '../engine/validate/validation-query.ts';
import { claimed, isHistoryLong, sliceOf, type Turn } from './turn.ts';

/** Runs one slice of a migration, and ends the migration when that was the last and nothing is to be validated. */
export async function batches(turn: Turn): Promise<Slice> {
  const { migration, engine } = turn;
  const at = await claimed(turn);
  // The same call again, because its first answer got lost.
  if (at.status === 'finished') {
    return answer('done', at);
  }
  if (at.status === 'restoring') {
    return answer('restore', at);
  }
  // Redriven, after another run has restored it: going on from here would pass over the rows that were put back.
  if (at.status === 'restored') {
    throw new MigrationFailed(
      `migration "${migration.name}" was restored since this run worked on it. Start the machine again: it begins anew`,
    );
  }

  const progress =
    migration.kind === 'alterTables'
      ? await runAlter(engine.database, migration, at, engine.clock, turn.isOver)
      : await runRows(turn, migration, at);
  const now = progress.state === 'lost' ? at : progress.at;
  const longestBatch = progress.state === 'lost' ? 0 : progress.longestBatch;
  const rest = progress.state === 'more' ? progress.rest : { seconds: 0 };
  engine.logger.info('slice', {
    state: progress.state,
    batches: now.batches,
    longestBatch,
    rest,
  });
  measure(engine.metrics, migration.name, at, now, longestBatch);
  if (progress.state === 'done') {
    const ended = await end(turn, now, progress.seconds);
    if (ended !== undefined) {
      return answer(ended, now);
    }
  }
  // A lost claim is no failure: the next slice claims again and goes on from the checkpoint, wherever that is by then.
  if (isHistoryLong(turn, at.slices)) {
    return answer('continued', now);
  }
  return { ...answer('more', now), rest_seconds: rest.seconds, ...(rest.reason && { reason: rest.reason }) };
}

async function runRows(turn: Turn, migration: RowMigration, at: Checkpoint): Promise<Progress> {
  const { database, clock, logger } = turn.engine;
  const isRetry = at.request.retry !== undefined;
  const rest = isRetry ? undefined : await ensureMarker(database, migration, at, clock);
  if (rest !== undefined) {
    return { state: 'more', at, longestBatch: 0, rest };
  }
  const table = await describeTable(database, { ...migration, columns: columnsNeeded(migration) });
  if (migration.onInvalid === 'restore') {
    await ensureJournal(database, migration.name, table);
  }
  const slice = sliceOf(turn, migration, table);
  if (isRetry) {
    return runRetry(slice, at);
  }
  // What can never be evaluated is found before anything is changed.
  if (at.batches === 0) {
    await checkValidations(database, migration, table);
  }
  return runSlice(slice, at, await scheduleOf({ database, clock, logger }, migration, table, at));
}

/** What comes after the last batch; undefined if the claim was not ours any more. */
async function end(turn: Turn, at: Checkpoint, seconds: number): Promise<Slice['state'] | undefined> {
  const { migration, run, engine } = turn;
  if (at.request.retry !== undefined) {
    const before = await endRetry(engine.database, at);
    if (before === 'unfinished') {
      await keepAnswer(engine.database, run, { total_updated: at.totalUpdated, errors: at.rowErrors });
    }
    if (before !== 'finished before') {
      return before && 'done';
    }
  }
  if (migration.kind !== 'alterTables' && migration.validate.length > 0) {
    return 'validate';
  }
  return (await finish(engine.database, migration, at, { seconds })) ? 'done' : undefined;
}

/** What one slice did, for CloudWatch. */
function measure(
  metrics: Metrics,
  migration: string,
  before: Checkpoint,
  now: Checkpoint,
  longestBatch: number,
): void {
  metrics.addDimension('migration', migration);
  metrics.addMetric('RowsProcessed', MetricUnit.Count, now.totalProcessed - before.totalProcessed);
  metrics.addMetric('RowsUpdated', MetricUnit.Count, now.totalUpdated - before.totalUpdated);
  metrics.addMetric('RowErrors', MetricUnit.Count, now.rowErrors - before.rowErrors);
  metrics.addMetric('LongestBatch', MetricUnit.Seconds, longestBatch);
  metrics.publishStoredMetrics();
}

function answer(state: Slice['state'], at: Checkpoint): Slice {
  return {
    state,
    rest_seconds: 0,
    total_processed: at.totalProcessed,
    total_updated: at.totalUpdated,
    errors: at.rowErrors,
  };
}
