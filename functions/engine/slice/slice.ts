import { startPace } from '../batch/batch-size.ts';
import { nextKey } from '../batch/page.ts';
import { mayBeLeft, needsChange } from '../batch/rows-in-need.ts';
import { TransformTimeout } from '../batch/transform-rows.ts';
import type { Clock } from '../clock.ts';
import type { Database } from '../database/data-api.ts';
import type { Key, Table } from '../database/table.ts';
import { checkWritable } from '../database/table-lock.ts';
import type { Batch, BatchInput, Page, ReadAhead, Rest } from '../define/batch.ts';
import type { RowMigration } from '../define/registered.ts';
import { DatabaseError } from '../errors.ts';
import { type Checkpoint, nextPass, reload, remember, rememberFailed } from '../ledger/checkpoint.ts';
import { recordRowError, recordRowErrors, rowErrorOf } from '../ledger/row-errors.ts';
import { inBatches, type Longest, type Next, type Step } from './batch-loop.ts';
import { budgetSpent, failureOf } from './failure-messages.ts';

/**
 * How far a slice came, the longest of its batches. `lost`: another invocation holds the claim now, and goes on from the
 * checkpoint.
 */
export type Progress =
  | {
      readonly state: 'more';
      readonly at: Checkpoint;
      readonly longest: Longest;
      readonly rest: Rest;
    }
  | {
      readonly state: 'done';
      readonly at: Checkpoint;
      readonly longest: Longest;
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

/** What a slice of a migration works with. */
export interface SliceInput {
  readonly database: Database;
  readonly clock: Clock;
  /** Asked before each batch: the time is up. */
  readonly isOver: () => boolean;
  readonly migration: RowMigration;
  readonly table: Table;
  /** Walks over the table at most. Default `lastPass`. */
  readonly passes?: number;
}

/** The walk over the table, and three more for what keeps coming in behind the cursor. */
export const lastPass = 4;

/** Runs batches until the migration is done, the time is up, or a longer rest is due. */
export async function runSlice(
  { database, clock, isOver, migration, table, passes = lastPass }: SliceInput,
  claimed: Checkpoint,
  schedule: Schedule,
): Promise<Progress> {
  const { batch_size: most = migration.pace.maxRows } = claimed.request;
  const options = { ...migration.pace, maxRows: Math.min(most, migration.pace.maxRows) };
  let at = claimed;
  let readAhead: ReadAhead | undefined;
  // Until when working time is in the ledger.
  let accounted = clock.now();

  const inputOf = ({ begun, pace }: Next): BatchInput => ({
    database,
    table,
    at,
    seconds: begun - accounted,
    secondsPerRow: pace.secondsPerRow,
  });
  const batch = async (next: Next): Promise<Step> => {
    const { size, alone, begun } = next;
    const input = { ...inputOf(next), ...(readAhead && { readAhead }) };
    readAhead = undefined;
    const done = await (alone ? nextRow(migration, input) : migration.batch(input, { size }));
    if (done === undefined) {
      // Either somebody claimed after us, or our own statement was sent twice and the first one counted.
      const now = await reload(database, at);
      at = now ?? at;
      return now === undefined ? 'lost' : 'again';
    }
    ({ at, readAhead } = done);
    accounted = begun;
    await checkBudget(database, migration, at);
    return { ...done, isLast: done.passEnded };
  };

  // What operators set meanwhile counts from the next batch on, which is the next slice's.
  const controls = JSON.stringify(claimed.controls);
  const slice = inBatches({
    clock,
    isOver: () => isOver() || JSON.stringify(at.controls) !== controls,
    pace: startPace(options, claimed.secondsPerRow, claimed.roundTrip),
    ...schedule,
    batch,
    leaveOut: async (next, error) => {
      const most = migration.errorBudget - at.rowErrorsOfThisRun + 1;
      const found = await recordBadRows(error, migration, inputOf(next), { size: next.size }, most);
      at = found ?? at;
      await checkBudget(database, migration, at);
      return found !== undefined;
    },
    afterLast: async () => {
      if (at.pass >= passes || (await isLastPass(database, table, migration, at))) {
        return 'done';
      }
      at = (await nextPass(database, at)) ?? at;
      return 'again';
    },
    failure: (fault, error) => failureOf(fault, migration, at, error),
  });
  const { state, rest, pace, longest } = await slice.catch(async (error: unknown) => {
    await rememberFailed(database, at, clock.now() - accounted);
    throw error;
  });
  switch (state) {
    case 'lost':
      return { state };
    case 'done':
      return { state, at, longest, seconds: clock.now() - accounted };
    case 'more': {
      const whole = { ...rest, seconds: Math.ceil(rest.seconds) };
      await remember(database, at, {
        seconds: clock.now() - accounted,
        secondsPerRow: pace.secondsPerRow,
        rest: whole,
      });
      return { state, at, longest, rest: whole };
    }
  }
}

/** Migrates the next row by itself, or records why it cannot be. */
async function nextRow(migration: RowMigration, input: BatchInput): Promise<Batch | undefined> {
  const { database, table, at } = input;
  const [behind] = at.conflicted;
  // A lock that ends just after the row has timed out would otherwise make it look slow.
  await checkWritable(database, table);
  const key = behind ?? (await nextKey(database, table, at));
  if (key === undefined) {
    return { at, rows: 0, bytesPerRow: 0, passEnded: true };
  }
  return batchOrRowError(migration, input, key, behind === undefined ? 'next' : 'behind');
}

/**
 * Records the bad rows of a page that failed, at most so many, found in one go. Undefined if none was found, or the claim is not ours any
 * more: the page is then tried in smaller ones.
 */
export async function recordBadRows(
  error: DatabaseError,
  migration: RowMigration,
  input: BatchInput,
  page: Page,
  most: number,
): Promise<Checkpoint | undefined> {
  try {
    const isKnown = error instanceof TransformTimeout;
    const errors = isKnown ? [error.row] : await migration.badRows(input, page, most);
    return errors.length > 0 ? await recordRowErrors(input.database, input.at, errors) : undefined;
  } catch (failure) {
    if (failure instanceof TransformTimeout) {
      return recordBadRows(failure, migration, input, page, most);
    }
    if (failure instanceof DatabaseError) {
      return undefined;
    }
    throw failure;
  }
}

async function checkBudget(database: Database, migration: RowMigration, at: Checkpoint): Promise<void> {
  if (at.rowErrorsOfThisRun > migration.errorBudget) {
    throw await budgetSpent(database, migration, at);
  }
}

/** Migrates one row, or records why it cannot be. Throws the moment's DatabaseError while a lock on the table is to blame. */
export async function batchOrRowError(
  migration: RowMigration,
  input: BatchInput,
  key: Key,
  place: 'next' | 'behind',
): Promise<Batch | undefined> {
  try {
    return await migration.batch(input, place === 'next' ? { next: key } : { keys: [key] });
  } catch (error) {
    if (!(error instanceof DatabaseError) || !(error.fault === 'row' || error.isTimeout)) {
      throw error;
    }
    if (error.isTimeout) {
      await checkWritable(input.database, input.table);
    }
    const recorded = await recordRowError(input.database, input.at, rowErrorOf(key, error), place);
    return recorded && { at: recorded, rows: 1, bytesPerRow: 0, passEnded: false };
  }
}

/** Whether all is done: nothing in the old form is left behind the cursor, as far as a few more passes can see to it. */
async function isLastPass(
  database: Database,
  table: Table,
  { where }: RowMigration,
  at: Checkpoint,
): Promise<boolean> {
  // Without a condition that migrated rows no longer match, another pass would change them again.
  const isUnmarked = where === undefined && table.marker === undefined;
  if (isUnmarked || (at.pass > 1 && at.passUpdated === 0)) {
    return true;
  }
  return !(await mayBeLeft(database, table, needsChange(table, at.pass + 1, where), at));
}
