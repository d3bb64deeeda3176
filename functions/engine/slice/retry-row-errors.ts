import { aheadOfWalk } from '../batch/ahead.ts';
import { startPace } from '../batch/batch-size.ts';
import { key } from '../database/row-shape.ts';
import { sql, when, withCtes } from '../database/sql.ts';
import { compare, type Key, keyColumns, keyValuesIn, type Table } from '../database/table.ts';
import type { RowMigration } from '../define/registered.ts';
import { type Checkpoint, reload, remember, rememberFailed } from '../ledger/checkpoint.ts';
import { heldBy, move, moved } from '../ledger/move.ts';
import { ledger } from '../ledger/names.ts';
import { ofEarlierRuns, recordRowError } from '../ledger/row-errors.ts';
import { batchOrRowError, recordBadRows, recordWithheldRows } from './bad-rows.ts';
import { inBatches, type Next, type Step } from './batch-loop.ts';
import { failureOf } from './failure-messages.ts';
import type { Progress } from './slice.ts';
import { neverThrough, restAfterIt, suspectOf } from './suspect.ts';
import { Tally } from './tally.ts';
import type { SliceInput } from './walk.ts';

// Bad rows are few; so many in one statement are quick even if each of them has triggers.
const pageSize = 100;

/**
 * Takes the rows again that earlier runs recorded as bad, until the time is up: each once in a run, and no others. A row that is
 * still bad is recorded as one of this run.
 */
export async function runRetry(
  { database, clock, isOver, migration, table, tally = new Tally() }: SliceInput,
  claimed: Checkpoint,
): Promise<Progress> {
  const started = clock.now();
  let at = claimed;
  const suspect = await suspectOf(database, migration, at);
  let suspectRows = suspect?.rows ?? 0;
  if (suspect?.key) {
    const recorded = await recordRowError(database, at, neverThrough(suspect.key), 'behind');
    if (recorded === undefined) {
      return { state: 'lost' };
    }
    await remember(database, recorded, { seconds: clock.now() - started, rest: restAfterIt });
    return { state: 'more', at: recorded, rest: restAfterIt };
  }

  const inputOf = () => ({ database, table, at, seconds: 0, secondsPerRow: null });
  const recordedBefore = (limit: number) => toRetry(database, migration, table, at, limit);
  const batch = async ({ size, alone }: Next): Promise<Step> => {
    const keys = await recordedBefore(size);
    const [first] = keys;
    if (first === undefined) {
      return 'done';
    }
    const input = inputOf();
    const page = { keys: alone ? [first] : keys };
    const withheld = await recordWithheldRows(migration, input, page, page.keys.length, { alone });
    if (withheld !== undefined) {
      const now = (await reload(database, withheld)) ?? withheld;
      tally.moved(at, now);
      at = now;
      return 'again';
    }
    const done = await (alone
      ? batchOrRowError(migration, input, first, 'behind')
      : migration.batch(input, page));
    if (done !== undefined) {
      await strikeOut(database, done.at, keys);
    }
    // Whatever came of it: rows that are migrated now, or gone, were struck out, and count no more.
    const now = await reload(database, at);
    if (now === undefined) {
      return 'lost';
    }
    tally.moved(at, now);
    at = now;
    suspectRows -= keys.length;
    return { rows: keys.length, bytesPerRow: 0 };
  };

  const slice = inBatches({
    clock,
    isOver,
    isSuspect: () => suspectRows > 0,
    pace: { ...startPace({ ...migration.pace, maxRows: pageSize }, null), size: pageSize },
    batch,
    leaveOut: async ({ size }, error) => {
      const keys = await recordedBefore(size);
      const found = await recordBadRows(error, migration, inputOf(), { keys }, keys.length);
      if (found !== undefined) {
        tally.moved(at, found);
        at = found;
      }
      return found !== undefined;
    },
    failure: (fault, error) => failureOf(fault, migration, at, error),
    tally,
  });
  const { state } = await slice.catch(async (error: unknown) => {
    await rememberFailed(database, at, clock.now() - started);
    throw error;
  });
  switch (state) {
    case 'lost':
      return { state };
    case 'done':
      return { state, at, seconds: clock.now() - started };
    case 'more':
      await remember(database, at, { seconds: clock.now() - started });
      return { state, at, rest: { seconds: 0 } };
  }
}

/**
 * Rows that earlier runs recorded, the oldest first. Those that the walk has still before it are left to it, if it would not see that
 * they are done already, and would do them again.
 */
async function toRetry(
  database: SliceInput['database'],
  { where }: RowMigration,
  table: Table,
  at: Checkpoint,
  limit: number,
): Promise<readonly Key[]> {
  const walkSeesAll = at.pass > 1 || where !== undefined || table.marker !== undefined;
  const columns = keyColumns(table);
  const isAhead = sql`EXISTS (
      SELECT FROM ${table.name}
      WHERE ${compare(columns, '=', keyValuesIn(table, sql`e.key`))} AND ${aheadOfWalk(columns, table, at)})`;
  const rows = await database.query(
    sql`
    SELECT e.key::text AS key FROM ${ledger.rowErrors} e
    WHERE e.migration = ${at.migration} AND ${ofEarlierRuns(sql`${at.run}`)} ${when(!walkSeesAll, sql`AND NOT ${isAhead}`)}
    ORDER BY e.at, e.key LIMIT ${limit}`,
    { key },
  );
  return rows.map((row) => row.key);
}

/** Strikes out rows that need no change any more, or are gone: whatever is still bad has been recorded anew. */
async function strikeOut(
  database: SliceInput['database'],
  at: Checkpoint,
  keys: readonly Key[],
): Promise<void> {
  const settled = sql`
    "settled#" AS (
      DELETE FROM ${ledger.rowErrors} e USING "held#", jsonb_array_elements(${JSON.stringify(keys)}::jsonb) AS tried (key)
      WHERE e.migration = "held#".name AND e.key = tried.key AND ${ofEarlierRuns(sql`${at.run}`)}
    )`;
  await move(database, at, withCtes([heldBy(at), settled, moved(at, {})], sql`SELECT * FROM "moved#"`));
}
