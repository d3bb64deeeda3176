import type { Pace } from '../batch/batch-size.ts';
import type { Clock } from '../clock.ts';
import type { Database } from '../database/data-api.ts';
import type { Table } from '../database/table.ts';
import type { BatchInput, ReadAhead, Rest } from '../define/batch.ts';
import type { RowMigration } from '../define/registered.ts';
import { type Checkpoint, reload, rememberFailed } from '../ledger/checkpoint.ts';
import { countWithout } from '../ledger/conflicted.ts';
import { recordRowError } from '../ledger/row-errors.ts';
import { forgetTransforming } from '../ledger/transforming.ts';
import { nextRow, recordBadRows, recordWithheldRows } from './bad-rows.ts';
import { type Ended, inBatches, type Next, type Step } from './batch-loop.ts';
import { budgetSpent, failureOf } from './failure-messages.ts';
import { neverThrough, restAfterIt, suspectOf } from './suspect.ts';
import { Tally } from './tally.ts';

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
  /** Where it is counted what the batches do; left out where nobody wants to know. */
  readonly tally?: Tally | undefined;
}

/** What a walk works with. */
export interface WalkInput extends SliceInput {
  readonly schedule: Schedule;
  /** How large the batches are at first. */
  readonly pace: Pace;
  /** How many walk at once, this one included. */
  readonly lanes: number;
  /** Told of each batch, with the pace that it was begun with. */
  readonly onBatch?: (at: Checkpoint, pace: Pace) => void;
  /** Where it goes on at the end of its rows. `none`: nowhere. `lost`: another invocation goes on. */
  readonly afterLast: (at: Checkpoint) => Promise<Checkpoint | 'none' | 'lost'>;
  /** Left out, it waits for no other. */
  readonly turns?: Turns;
}

/** Who may begin a batch when, of those that walk at once. */
export interface Turns {
  /** Waits until a batch may begin that is expected to hold locks for so many seconds; to be told when it has ended. */
  readonly take: (seconds: number) => Promise<() => void>;
}

/** How a walk ended, and where. */
export interface Walked extends Ended {
  readonly at: Checkpoint;
  /** Working time not yet in the ledger. */
  readonly seconds: number;
}

/** What a walk comes to that did not begin. */
export const nowhere = (pace: Pace, at: Checkpoint): Omit<Walked, 'state'> => ({
  rest: { seconds: 0 },
  pace,
  at,
  seconds: 0,
});

/** Does batches from a checkpoint on until there are no more rows ahead, the time is up, or a longer rest is due. */
export async function walk(input: WalkInput, from: Checkpoint): Promise<Walked> {
  const { database, clock, migration, table, lanes, schedule, turns, tally = new Tally() } = input;
  let endTurn = (): void => {};
  let at = from;
  let readAhead: ReadAhead | undefined;
  // Until when working time is in the ledger.
  let accounted = clock.now();
  // What lanes do at once is no more time than one of them takes.
  const since = (instant: number) => (instant - accounted) / lanes;

  const inputOf = ({ begun, pace }: Next): BatchInput => ({
    database,
    table,
    at,
    seconds: since(begun),
    secondsPerRow: pace.secondsPerRow,
  });
  const goOn = async (before: Checkpoint, now: Checkpoint) => {
    tally.moved(before, now);
    // All lanes spend one budget, wherever they are.
    const isShared = now.range !== undefined && now.rowErrors > before.rowErrors;
    at = (isShared ? await reload(database, now) : undefined) ?? now;
    await checkBudget(database, migration, at);
  };
  const mostErrors = () => migration.errorBudget - at.rowErrorsOfThisRun + 1;
  const suspect = await suspectOf(database, migration, from);
  let suspectRows = suspect?.rows ?? 0;
  if (suspect?.key) {
    const isBehind = countWithout(at, [suspect.key]) < at.conflictedCount;
    const place = isBehind ? 'behind' : 'next';
    const recorded = await recordRowError(database, at, neverThrough(suspect.key), place);
    if (recorded === undefined) {
      return { ...nowhere(input.pace, at), state: 'lost' };
    }
    await goOn(at, recorded);
    return { ...nowhere(input.pace, at), state: 'more', rest: restAfterIt };
  }
  const batch = async (next: Next): Promise<Step> => {
    const { size, alone, begun, pace } = next;
    // What has been read ahead may be a larger page.
    const page = { size: Math.max(size, readAhead?.size ?? 0) };
    const withheld = await recordWithheldRows(migration, inputOf(next), page, mostErrors(), next);
    if (withheld !== undefined) {
      await goOn(at, withheld);
      return 'again';
    }
    const given = { ...inputOf(next), ...(readAhead && { readAhead }) };
    readAhead = undefined;
    const done = await (alone ? nextRow(migration, given) : migration.batch(given, { size }));
    if (done === undefined) {
      // Either somebody claimed after us, or our own statement was sent twice and the first one counted.
      const now = await reload(database, at);
      // What was cut into ranges, by a statement whose answer got lost, has no one walk any more: the next slice walks the ranges.
      if (now === undefined || (now.lanes > 0 && now.range === undefined)) {
        return 'lost';
      }
      // What other lanes recorded meanwhile is theirs.
      const { rowErrorsOfThisRun } = now.range === undefined ? now : at;
      tally.moved(at, { ...now, rowErrorsOfThisRun });
      at = now;
      return 'again';
    }
    readAhead = done.readAhead;
    suspectRows -= done.rows;
    accounted = begun;
    await goOn(given.at, done.at);
    input.onBatch?.(at, pace);
    return { ...done, isLast: done.passEnded };
  };

  const ended = inBatches({
    clock,
    isOver: input.isOver,
    isSuspect: () => suspectRows > 0,
    pace: input.pace,
    rest: schedule.rest,
    hold: async (seconds) => {
      const rest = await schedule.hold();
      if (rest === undefined && turns !== undefined) {
        endTurn = await turns.take(seconds);
      }
      return rest;
    },
    batch: (next) => batch(next).finally(() => endTurn()),
    leaveOut: async (next, error) => {
      const given = inputOf(next);
      const found = await recordBadRows(error, migration, given, { size: next.size }, mostErrors());
      if (found !== undefined) {
        await goOn(given.at, found);
      }
      return found !== undefined;
    },
    afterLast: async () => {
      const next = await input.afterLast(at);
      if (next === 'none') {
        return 'done';
      }
      if (next === 'lost') {
        return 'lost';
      }
      at = next;
      return 'again';
    },
    failure: (fault, error) => failureOf(fault, migration, at, error),
    tally,
  });
  const { state, rest, pace } = await ended.catch(async (error: unknown) => {
    await rememberFailed(database, at, since(clock.now()));
    throw error;
  });
  if (readAhead !== undefined && migration.transformSeconds !== undefined) {
    // Else it might still be kept after that.
    await readAhead.prepared.catch(() => undefined);
    await forgetTransforming(database, at);
  }
  return { state, rest, pace, at, seconds: since(clock.now()) };
}

async function checkBudget(database: Database, migration: RowMigration, at: Checkpoint): Promise<void> {
  if (at.rowErrorsOfThisRun > migration.errorBudget) {
    throw await budgetSpent(database, migration, at);
  }
}
