import { type Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import type { Caller, Slice } from '../contract.ts';
import { type Checkpoint, claim } from '../engine/checkpoint.ts';
import { Superseded } from '../engine/errors.ts';
import { sliceDeadline } from '../engine/invocation.ts';
import { finish } from '../engine/lifecycle.ts';
import { hold } from '../engine/runs.ts';
import { runSlice } from '../engine/slice.ts';
import { describeTable } from '../engine/table.ts';
import type { Engine } from './migrate.ts';
import { find } from './registry.ts';

/** Runs one slice of a migration, and ends the migration when that was the last. */
export async function batches(engine: Engine, run: Caller, name: string): Promise<Slice> {
  const { database, clock, logger } = engine;
  const deadline = sliceDeadline(clock, engine.remaining());
  const migration = find(engine.migrations, name);
  await hold(database, engine.statusOf, run);
  const at = await claim(database, name, run);
  if (at === undefined)
    throw new Superseded(`migration "${name}": the run ${run.execution_arn} does not hold the ledger`);
  // Asked again after an answer that got lost.
  if (at.status === 'finished') return answer('done', at);

  const table = await describeTable(database, migration);
  const progress = await runSlice(database, migration, table, at, clock, deadline);
  const now = progress.state === 'lost' ? at : progress.at;
  const longestBatch = progress.state === 'lost' ? 0 : progress.longestBatch;
  logger.info('slice', { state: progress.state, batches: now.batches, cursor: now.cursor, longestBatch });
  measure(engine.metrics, name, at, now, longestBatch);
  if (progress.state === 'done' && (await finish(database, migration, now, progress.seconds)) !== undefined) {
    return answer('done', now);
  }
  // A lost claim is no failure: the next slice claims again and goes on from the checkpoint, wherever that is by then.
  if (at.slices >= engine.slicesPerExecution) return answer('continued', now);
  return answer('more', now, progress.state === 'more' ? progress.restSeconds : 0);
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

function answer(state: Slice['state'], at: Checkpoint, restSeconds = 0): Slice {
  return {
    state,
    rest_seconds: restSeconds,
    total_processed: at.totalProcessed,
    total_updated: at.totalUpdated,
    errors: at.rowErrors,
  };
}
