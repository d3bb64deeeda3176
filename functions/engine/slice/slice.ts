import { measured, startPace, tooSlow } from '../batch/batch-size.ts';
import { nextKey } from '../batch/page.ts';
import { inNeed } from '../batch/rows-in-need.ts';
import type { Clock } from '../clock.ts';
import type { Database } from '../database/data-api.ts';
import type { Key, Table } from '../database/table.ts';
import type { Ahead, Batch, Rest, Work } from '../define/batch.ts';
import type { RowMigration } from '../define/migration.ts';
import { DatabaseError } from '../errors.ts';
import { type Checkpoint, nextPass, reload, remember } from '../ledger/checkpoint.ts';
import { recordRowError } from '../ledger/row-errors.ts';
import { mayBeLeft } from '../lifecycle/pending.ts';
import { mostFailures, pauseAfter } from './backoff.ts';
import { budgetSpent, migrationAtFault, stillUnavailable } from './failure-messages.ts';

/**
 * How far a slice came, its longest batch in seconds. `lost`: another invocation holds the claim now, and goes on from the
 * checkpoint.
 */
export type Progress =
  | {
      readonly state: 'more';
      readonly at: Checkpoint;
      readonly longestBatch: number;
      readonly rest: Rest;
    }
  | {
      readonly state: 'done';
      readonly at: Checkpoint;
      readonly longestBatch: number;
      readonly seconds: number;
    }
  | { readonly state: 'lost' };

/** When batches may begin. */
export interface Schedule {
  /** What the next batch has to wait for; undefined if it may begin. */
  readonly hold: () => Promise<Rest | undefined>;
  /** The rest after a batch that took so many seconds. */
  readonly rest: (seconds: number) => Rest;
}

// A Lambda that only sleeps is paid for: from here on Step Functions waits instead, at no cost.
export const longestSleep = 5;
/** The walk over the table, and three more for what keeps coming in behind the cursor. */
export const lastPass = 4;

/** Runs batches until the migration is done, the deadline (on the clock's scale) has come, or a longer rest is due. */
export async function runSlice(
  database: Database,
  migration: RowMigration,
  table: Table,
  claimed: Checkpoint,
  schedule: Schedule,
  clock: Clock,
  deadline: number,
): Promise<Progress> {
  let at = claimed;
  const { batch_size: most = migration.pace.maxRows } = claimed.request;
  const options = { ...migration.pace, maxRows: Math.min(most, migration.pace.maxRows) };
  let pace = startPace(options, claimed.secondsPerRow);
  // Rows at most, while a bad row is being cornered: halved until it is alone, then doubled back.
  let corner = Number.POSITIVE_INFINITY;
  let failures = 0;
  let ahead: Ahead | undefined;
  let accounted = clock.now();
  let longestBatch = 0;

  const restLater = async (rest: Rest): Promise<Progress> => {
    const whole = { ...rest, seconds: Math.ceil(rest.seconds) };
    await remember(database, at, clock.now() - accounted, pace.secondsPerRow, whole);
    return { state: 'more', at, longestBatch, rest: whole };
  };

  while (clock.now() < deadline) {
    const held = await schedule.hold();
    if (held !== undefined) {
      return restLater(held);
    }
    const begun = clock.now();
    const size = Math.min(pace.size, corner);
    const { secondsPerRow } = pace;
    const work: Work = {
      database,
      table,
      at,
      seconds: begun - accounted,
      secondsPerRow,
      ...(ahead && { ahead }),
    };
    ahead = undefined;
    try {
      const batch = await (corner === 1 ? alone(migration, work) : migration.batch(work, { size }));
      if (batch === undefined) {
        // Either somebody claimed after us, or our own statement was sent twice and the first one counted.
        const now = await reload(database, at);
        if (now === undefined) {
          return { state: 'lost' };
        }
        at = now;
        continue;
      }
      at = batch.at;
      ahead = batch.ahead;
      accounted = begun;
      failures = 0;
      longestBatch = Math.max(longestBatch, clock.now() - begun);
      if (at.rowErrorsOfThisRun > migration.errorBudget) {
        throw await budgetSpent(database, migration, at);
      }
      // A page that was nearly empty, or cut to corner a row, says nothing about the pace.
      if (corner > pace.size && batch.rows >= size / 2) {
        pace = measured(pace, batch.rows, clock.now() - begun, batch.bytesPerRow);
      }
      corner = corner > pace.size ? Number.POSITIVE_INFINITY : corner * 2;
      if (batch.passEnded) {
        if (await isLastPass(work, migration, at)) {
          return { state: 'done', at, longestBatch, seconds: clock.now() - accounted };
        }
        at = (await nextPass(database, at)) ?? at;
        continue;
      }
    } catch (error) {
      if (!(error instanceof DatabaseError)) {
        throw error;
      }
      if (error.fault === 'migration') {
        throw migrationAtFault(migration, at, error);
      }
      if (error.fault === 'row') {
        corner = Math.max(1, Math.floor(size / 2));
        continue;
      }
      failures += 1;
      if (failures > mostFailures) {
        throw stillUnavailable(migration, at, error);
      }
      pace = tooSlow(pace, size, clock.now() - begun);
      await clock.sleep(pauseAfter(failures));
      continue;
    }
    const rest = schedule.rest(clock.now() - begun);
    if (rest.seconds >= longestSleep) {
      return restLater(rest);
    }
    await clock.sleep(rest.seconds);
  }
  return restLater({ seconds: 0 });
}

/** Migrates the next row by itself, or records why it cannot be. */
async function alone(migration: RowMigration, work: Work): Promise<Batch | undefined> {
  const { database, table, at } = work;
  const [behind] = at.conflicted;
  const key = behind ?? (await nextKey(database, table, at));
  if (key === undefined) {
    return { at, rows: 0, bytesPerRow: 0, passEnded: true };
  }
  return batchOrRowError(migration, work, key, behind === undefined ? 'next' : 'behind');
}

/** Migrates one row, or records why it cannot be. */
export async function batchOrRowError(
  migration: RowMigration,
  work: Work,
  key: Key,
  place: 'next' | 'behind',
): Promise<Batch | undefined> {
  try {
    return await migration.batch(work, place === 'next' ? { next: key } : { keys: [key] });
  } catch (error) {
    if (!(error instanceof DatabaseError) || error.fault !== 'row') {
      throw error;
    }
    const reason = { key, reason: error.message, sqlstate: error.sqlState };
    const recorded = await recordRowError(work.database, work.at, reason, place);
    return recorded && { at: recorded, rows: 1, bytesPerRow: 0, passEnded: false };
  }
}

/** Whether all is done: nothing in the old form is left behind the cursor, as far as a few more passes can see to it. */
async function isLastPass(
  { database, table }: Work,
  { where }: RowMigration,
  at: Checkpoint,
): Promise<boolean> {
  // Without a condition that migrated rows no longer match, another pass would change them again.
  const unmarked = where === undefined && table.marker === undefined;
  if (unmarked || at.pass >= lastPass) {
    return true;
  }
  if (at.pass > 1 && at.passUpdated === 0) {
    return true;
  }
  return !(await mayBeLeft(database, table, inNeed(table, at.pass + 1, where), at));
}
