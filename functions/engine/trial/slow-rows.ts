import { TransformTimeout } from '../batch/transform-rows.ts';
import type { Clock } from '../clock.ts';
import type { Key } from '../database/table.ts';
import type { RowMigration } from '../define/registered.ts';
import { DatabaseError, MigrationFailed } from '../errors.ts';
import type { Checkpoint } from '../ledger/checkpoint.ts';
import { runSlice } from '../slice/slice.ts';
import { startAt } from './sandbox-ledger.ts';
import { atOnce, mostRows, type Tried } from './trial-batches.ts';

// Rows are transformed once more while some are locked, for 5 s at most. Each page is as large as all before it together, so the last
// one may double the time.
const mostSeconds = 2.5;
// Three rows, by the default of `transformTimeout`. Somebody waits for the answer, and where there are three there are more.
const mostSecondsOfSlowOnes = 30;

/**
 * Transforms the rows to be tried while none of them is locked, and records those for which it takes too long, as a run would: no
 * trial could wait for them with locks. Returns the checkpoint at which the trial begins, and how many rows it may try from there.
 */
export async function recordSlowRows(
  { sandbox: { database }, migration, table, at, now }: Tried,
  cursor: Key | null,
): Promise<{ readonly at: Checkpoint; readonly most: number }> {
  const { transformOnly } = migration;
  if (transformOnly === undefined) {
    return { at, most: mostRows };
  }
  const begun = now();
  let rows = 0;
  let ofSlowOnes = 0;
  const looking: RowMigration = {
    ...migration,
    errorBudget: Number.POSITIVE_INFINITY,
    lanes: 1,
    badRows: async () => [],
    batch: async (input, given) => {
      const page = 'size' in given ? { size: Math.min(given.size, 1 + rows, mostRows - rows) } : given;
      const since = now();
      try {
        const done = await transformOnly(input, page);
        rows += done?.rows ?? 0;
        return done;
      } catch (error) {
        if (error instanceof TransformTimeout) {
          ofSlowOnes += now() - since;
        }
        rows += error instanceof DatabaseError && error.fault === 'row' && !('size' in page) ? 1 : 0;
        throw error;
      }
    },
  };
  const isOver = (): boolean =>
    rows >= mostRows || ofSlowOnes >= mostSecondsOfSlowOnes || now() - begun - ofSlowOnes >= mostSeconds;
  const clock: Clock = { now, date: Date.now, sleep: async () => undefined };
  const end = await runSlice({ database, clock, isOver, migration: looking, table }, at, atOnce, 1);
  if (!('at' in end)) {
    throw new MigrationFailed(`migration "${migration.name}": lost the ledger`);
  }
  return { at: await startAt(database, end.at, cursor), most: Math.max(1, rows) };
}
