import { type Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import type { Caller, Slice } from '../contract.ts';
import { runAlter } from '../engine/alter/run-alter.ts';
import { ensureJournal } from '../engine/batch/undo-journal.ts';
import { describeTable } from '../engine/database/table.ts';
import type { Migration, RowMigration } from '../engine/define/migration.ts';
import { columnsNeeded } from '../engine/define/options.ts';
import { MigrationFailed, Superseded } from '../engine/errors.ts';
import { sliceDeadline } from '../engine/invocation.ts';
import { type Checkpoint, claim } from '../engine/ledger/checkpoint.ts';
import { hold } from '../engine/ledger/run-lock.ts';
import { keepAnswer } from '../engine/ledger/run-record.ts';
import { finish, retried } from '../engine/lifecycle/migration-status.ts';
import { ensureMarker } from '../engine/marker/ensure-marker.ts';
import { scheduleOf } from '../engine/schedule/schedule.ts';
import { runRetry } from '../engine/slice/retry-row-errors.ts';
import { type Progress, runSlice } from '../engine/slice/slice.ts';
import { checkValidations } from '../engine/validate/validation-query.ts';
import type { Engine } from './engine.ts';
import { find } from './registry.ts';

/** Runs one slice of a migration, and ends the migration when that was the last and nothing is to be validated. */
export async function batches(engine: Engine, run: Caller, name: string): Promise<Slice> {
  const { database, clock, logger } = engine;
  const deadline = sliceDeadline(clock, engine.remaining());
  const migration = find(engine.migrations, name);
  await hold(database, engine.statusOf, run);
  const at = await claim(database, name, run);
  if (at === undefined) {
    throw new Superseded(`migration "${name}": the run ${run.execution_arn} does not hold the ledger`);
  }
  // Asked again after an answer that got lost.
  if (at.status === 'finished') {
    return answer('done', at);
  }
  if (at.status === 'restoring') {
    return answer('restore', at);
  }
  // Redriven, after another run has restored it: going on from here would pass over the rows that were put back.
  if (at.status === 'restored') {
    throw new MigrationFailed(
      `migration "${name}" was restored since this run worked on it. Start the machine again: it begins anew`,
    );
  }

  const progress =
    migration.kind === 'alterTables'
      ? await runAlter(database, migration, at, clock, deadline)
      : await runRows(engine, migration, at, deadline);
  const now = progress.state === 'lost' ? at : progress.at;
  const longestBatch = progress.state === 'lost' ? 0 : progress.longestBatch;
  const rest = progress.state === 'more' ? progress.rest : { seconds: 0 };
  logger.info('slice', {
    state: progress.state,
    batches: now.batches,
    cursor: now.cursor,
    longestBatch,
    rest,
  });
  measure(engine.metrics, name, at, now, longestBatch);
  if (progress.state === 'done') {
    const ended = await end(engine, migration, now, progress.seconds, run);
    if (ended !== undefined) {
      return answer(ended, now);
    }
  }
  // A lost claim is no failure: the next slice claims again and goes on from the checkpoint, wherever that is by then.
  if (at.slices >= engine.slicesPerExecution) {
    return answer('continued', now);
  }
  return { ...answer('more', now), rest_seconds: rest.seconds, ...(rest.reason && { reason: rest.reason }) };
}

async function runRows(
  { database, clock, logger }: Engine,
  migration: RowMigration,
  at: Checkpoint,
  deadline: number,
): Promise<Progress> {
  const isRetry = at.request.retry !== undefined;
  const rest = isRetry ? undefined : await ensureMarker(database, migration, at, clock);
  if (rest !== undefined) {
    return { state: 'more', at, longestBatch: 0, rest };
  }
  const table = await describeTable(database, { ...migration, columns: columnsNeeded(migration) });
  if (migration.onInvalid === 'restore') {
    await ensureJournal(database, migration.name, table);
  }
  if (isRetry) {
    return runRetry(database, migration, table, at, clock, deadline);
  }
  // What can never be asked is found before anything is changed.
  if (at.batches === 0) {
    await checkValidations(database, migration, table);
  }
  const schedule = await scheduleOf({ database, clock, logger }, migration, table, at);
  return runSlice(database, migration, table, at, schedule, clock, deadline);
}

/** What comes after the last batch; undefined if the claim was not ours any more. */
async function end(
  { database }: Engine,
  migration: Migration,
  at: Checkpoint,
  seconds: number,
  run: Caller,
): Promise<Slice['state'] | undefined> {
  if (at.request.retry !== undefined) {
    const before = await retried(database, at);
    if (before === 'unfinished') {
      await keepAnswer(database, run, { total_updated: at.totalUpdated, errors: at.rowErrors });
    }
    if (before !== 'finished') {
      return before && 'done';
    }
  }
  if (migration.kind !== 'alterTables' && migration.validate.length > 0) {
    return 'validate';
  }
  return (await finish(database, migration, at, seconds)) && 'done';
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
