import { MetricUnit } from '@aws-lambda-powertools/metrics';
import type { NotBegun, Result, Slice } from '../contract.ts';
import { runAlter } from '../engine/alter/run-alter.ts';
import { ensureJournal } from '../engine/batch/undo-journal.ts';
import { describeTable } from '../engine/database/table.ts';
import type { RowMigration } from '../engine/define/registered.ts';
import { columnsNeeded } from '../engine/define/row-options.ts';
import type { Checkpoint } from '../engine/ledger/checkpoint.ts';
import { endRetry, finish } from '../engine/lifecycle/finish.ts';
import { ensureMarker } from '../engine/marker/ensure-marker.ts';
import { scheduleOf } from '../engine/schedule/schedule.ts';
import { tuned } from '../engine/schedule/tuned.ts';
import { noBatch } from '../engine/slice/batch-loop.ts';
import { runRetry } from '../engine/slice/retry-row-errors.ts';
import { type Progress, runSlice } from '../engine/slice/slice.ts';
import type { Work } from '../engine/slice/walk.ts';
import { checkValidations } from '../engine/validate/validation-query.ts';
import { keptResult } from './result-map.ts';
import { isPartOver, sliceOf, type Turn, withClaim } from './turn.ts';

/** Runs one slice of a migration, and ends the migration when that was the last and nothing is to be validated. */
export function batches(turn: Turn): Promise<Slice | NotBegun> {
  return withClaim(turn, (at) => slice(turn, at));
}

async function slice(turn: Turn, at: Checkpoint): Promise<Slice> {
  const { engine } = turn;
  const migration = tuned(turn.migration, at.controls.tuned);
  // The same call again, because its first answer got lost.
  if (at.status === 'finished') {
    return { ...answer('done', at), result: await keptResult(turn) };
  }
  if (at.status === 'restoring' || at.status === 'restored') {
    return answer('restore', at);
  }

  const progress =
    migration.kind === 'alterTables'
      ? await runAlter(engine.database, migration, at, engine.clock, turn.isOver)
      : await runRows(turn, migration, at);
  const now = progress.state === 'lost' ? at : progress.at;
  tell(turn, 'slice', progress, {
    processed: now.totalProcessed - at.totalProcessed,
    updated: now.totalUpdated - at.totalUpdated,
    errors: now.rowErrors - at.rowErrors,
  });
  if (progress.state === 'done') {
    const ended = await end(turn, now, progress.seconds);
    if (ended !== undefined) {
      return { ...answer(ended.state, now), ...(ended.result && { result: ended.result }) };
    }
  }
  if (isPartOver(turn, at)) {
    return { ...answer('continued', now), ...restOf(progress) };
  }
  if (progress.state === 'lanes') {
    const lanes = Array.from({ length: progress.lanes }, (_, number) => ({ number, of: progress.lanes }));
    return { ...answer('lanes', now), lanes };
  }
  // A lost claim is no failure: the next slice claims again and goes on from the checkpoint, wherever that is by then.
  return { ...answer('more', now), ...restOf(progress) };
}

/** How long it rests, and why. */
export function restOf(progress: Progress): Pick<Slice, 'rest_seconds' | 'reason'> {
  const rest = progress.state === 'more' ? progress.rest : { seconds: 0 };
  return { rest_seconds: rest.seconds, ...(rest.reason && { reason: rest.reason }) };
}

/** What one slice did, for logs and metrics. */
export function tell({ engine, migration }: Turn, what: string, progress: Progress, did: Work): void {
  const { logger, metrics } = engine;
  const longest = progress.state === 'lost' ? noBatch : progress.longest;
  logger.info(what, {
    state: progress.state,
    ...(progress.state !== 'lost' && { batches: progress.at.batches }),
    longestBatch: longest.batch,
    longestLock: longest.locked,
    rest: progress.state === 'more' ? progress.rest : { seconds: 0 },
  });
  metrics.addDimension('migration', migration.name);
  metrics.addMetric('RowsProcessed', MetricUnit.Count, did.processed);
  metrics.addMetric('RowsUpdated', MetricUnit.Count, did.updated);
  metrics.addMetric('RowErrors', MetricUnit.Count, did.errors);
  metrics.addMetric('LongestBatch', MetricUnit.Seconds, longest.batch);
  metrics.addMetric('LongestLock', MetricUnit.Seconds, longest.locked);
  metrics.publishStoredMetrics();
}

async function runRows(turn: Turn, migration: RowMigration, at: Checkpoint): Promise<Progress> {
  const { database, clock, logger } = turn.engine;
  const isRetry = at.request.retry !== undefined;
  const rest = isRetry ? undefined : await ensureMarker(database, migration, at, clock);
  if (rest !== undefined) {
    return { state: 'more', at, longest: noBatch, rest };
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
async function end(
  turn: Turn,
  at: Checkpoint,
  seconds: number,
): Promise<{ readonly state: Slice['state']; readonly result?: Result } | undefined> {
  const { migration, engine } = turn;
  if (at.request.retry !== undefined) {
    const before = await endRetry(engine.database, at);
    if (before === undefined) {
      return undefined;
    }
    if (before === 'unfinished') {
      const retried = { total_updated: at.totalUpdated, errors: at.rowErrors };
      return { state: 'done', result: await keptResult(turn, retried) };
    }
  }
  if (migration.kind !== 'alterTables' && migration.validate.length > 0) {
    return { state: 'validate' };
  }
  const isFinished = await finish(engine.database, migration, at, { seconds });
  return isFinished ? { state: 'done', result: await keptResult(turn) } : undefined;
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
