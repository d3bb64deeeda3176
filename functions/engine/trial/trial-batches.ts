import type { Clock } from '../clock.ts';
import type { Table } from '../database/table.ts';
import type { RowMigration } from '../define/registered.ts';
import { DatabaseError, MigrationFailed } from '../errors.ts';
import type { Checkpoint } from '../ledger/checkpoint.ts';
import { runSlice } from '../slice/slice.ts';
import type { Schedule } from '../slice/walk.ts';
import type { Sandbox } from './rollback-sandbox.ts';

/** What is tried, and from where on. */
export interface Tried {
  readonly sandbox: Sandbox;
  readonly migration: RowMigration;
  readonly table: Table;
  readonly at: Checkpoint;
  readonly now: Clock['now'];
}

/** How fast the batches were that were tried. */
export interface TrialRates {
  /** Rows that its batches looked at, and the time they worked, without the way to the database and back. */
  readonly rows: number;
  readonly seconds: number;
  /** For how long a row was locked by the statement that changed it, divided by their number, in seconds. */
  readonly lockedPerRow: number;
  /** The way to the database and back, in seconds. */
  readonly roundTrip: number;
  /** Statements of one batch, and the bytes that a row sends and receives. */
  readonly callsPerBatch: number;
  readonly sentPerRow: number;
  readonly receivedPerRow: number;
}

// Rows are locked meanwhile: 500 of the usual ones for a fraction of a second. Of very slow ones fewer are tried, until 5 s
// are over. With the 2.5 s that the last statement may take, nobody waits longer than 7.5 s.
export const mostRows = 500;
const mostSeconds = 5;
const lockNotAvailable = '55P03';

export const atOnce: Schedule = { hold: async () => undefined, rest: () => ({ seconds: 0 }) };

/** Runs batches as a slice does, until there is enough to know, for so many rows at most. Throws the DatabaseError that kept it from doing even one row. */
export async function tryBatches(
  { sandbox, migration, table, at, now }: Tried,
  most: number,
): Promise<TrialRates> {
  const sum = { batches: 0, rows: 0, bad: 0, seconds: 0, locked: 0, calls: 0, sent: 0, received: 0 };
  const deadline = now() + mostSeconds;
  let failure: DatabaseError | undefined;

  const tried: RowMigration = {
    ...migration,
    errorBudget: Number.POSITIVE_INFINITY,
    lanes: 1,
    batch: async (input, given) => {
      const page = 'size' in given ? { size: Math.min(given.size, most - sum.rows) } : given;
      const watch = stopwatch(sandbox, now);
      try {
        const batch = await migration.batch({ ...input, readsNoFurther: true }, page);
        if (batch === undefined) {
          throw new MigrationFailed(`migration "${migration.name}": lost the ledger`);
        }
        const took = watch();
        sum.batches += 1;
        sum.rows += batch.rows;
        sum.seconds += took.seconds;
        sum.locked += batch.time?.busy ?? took.seconds;
        sum.calls += took.calls;
        sum.sent += took.sent;
        sum.received += took.received;
        return batch;
      } catch (error) {
        if (error instanceof DatabaseError) {
          failure = error;
          sum.bad += error.fault === 'row' && !('size' in page) ? 1 : 0;
        }
        throw error;
      }
    },
  };
  const isOver = (): boolean =>
    sum.rows + sum.bad >= most || now() >= deadline || failure?.sqlState === lockNotAvailable;
  // Nobody sleeps while rows are locked.
  const clock: Clock = { now, date: Date.now, sleep: async () => undefined };
  await runSlice({ database: sandbox.database, clock, isOver, migration: tried, table }, at, atOnce, 1);
  if (sum.rows + sum.bad === 0 && failure !== undefined) {
    throw failure;
  }
  return {
    rows: sum.rows,
    seconds: sum.seconds,
    lockedPerRow: sum.locked / Math.max(1, sum.rows),
    roundTrip: sandbox.meter().roundTrip,
    callsPerBatch: sum.calls / Math.max(1, sum.batches),
    sentPerRow: sum.sent / Math.max(1, sum.rows),
    receivedPerRow: sum.received / Math.max(1, sum.rows),
  };
}

/** Measures what is done until it is asked, without savepoints and the way to the database. */
export function stopwatch({ meter }: Sandbox, now: Clock['now']) {
  const begun = now();
  const before = meter();
  return () => {
    const after = meter();
    const calls = after.calls - before.calls;
    const away = after.overhead - before.overhead + calls * after.roundTrip;
    return {
      seconds: Math.max(0, now() - begun - away),
      calls,
      sent: after.sent - before.sent,
      received: after.received - before.received,
    };
  };
}
