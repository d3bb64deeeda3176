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
import { runRetry } from '../engine/slice/retry-row-errors.ts';
import { type Progress, runSlice } from '../engine/slice/slice.ts';
import { checkValidations } from '../engine/validate/validation-query.ts';
import { keptResult } from './result-map.ts';
import { toldSlice } from './told-slice.ts';
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

  const progress = await toldSlice(turn, () =>
    migration.kind === 'alterTables'
      ? runAlter(engine.database, migration, at, engine.clock, turn.isOver, turn.tally)
      : runRows(turn, migration, at),
  );
  const now = progress.state === 'lost' ? at : progress.at;
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

async function runRows(turn: Turn, migration: RowMigration, at: Checkpoint): Promise<Progress> {
  const { engine, tally } = turn;
  const { database, clock, logger } = engine;
  const isRetry = at.request.retry !== undefined;
  const rest = isRetry ? undefined : await ensureMarker(database, migration, at, clock);
  if (rest !== undefined) {
    return { state: 'more', at, rest };
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
  return runSlice(slice, at, await scheduleOf({ database, clock, logger, tally }, migration, table, at));
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
