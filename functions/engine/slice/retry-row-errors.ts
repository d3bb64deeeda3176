import type { Clock } from '../clock.ts';
import type { Database } from '../database/data-api.ts';
import { sql } from '../database/sql.ts';
import type { Key, Table } from '../database/table.ts';
import type { Batch, Work } from '../define/batch.ts';
import type { RowMigration } from '../define/migration.ts';
import { DatabaseError } from '../errors.ts';
import { type Checkpoint, heldBy, move, moved, reload, remember } from '../ledger/checkpoint.ts';
import { ledger } from '../ledger/names.ts';
import { ofEarlierRuns } from '../ledger/row-errors.ts';
import { mostFailures, pauseAfter } from './backoff.ts';
import { migrationAtFault, stillUnavailable } from './failure-messages.ts';
import { batchOrRowError, type Progress } from './slice.ts';

// Bad rows are few; so many in one statement are quick even if each of them has triggers.
const pageSize = 100;

/** Takes the rows again that earlier runs recorded as bad, until the deadline: each once in a run, and no others. */
export async function runRetry(
  database: Database,
  migration: RowMigration,
  table: Table,
  claimed: Checkpoint,
  clock: Clock,
  deadline: number,
): Promise<Progress> {
  const started = clock.now();
  let at = claimed;
  let failures = 0;
  let longestBatch = 0;
  while (clock.now() < deadline) {
    const begun = clock.now();
    try {
      const keys = await recordedBefore(database, at);
      if (keys.length > 0) {
        await together(migration, { database, table, at, seconds: 0, secondsPerRow: null }, keys);
      }
      // Whatever came of it: rows that are cured or gone were struck out, and count no more.
      const now = await reload(database, at);
      if (now === undefined) {
        return { state: 'lost' };
      }
      at = now;
      if (keys.length === 0) {
        return { state: 'done', at, longestBatch, seconds: begun - started };
      }
      failures = 0;
    } catch (error) {
      if (!(error instanceof DatabaseError)) {
        throw error;
      }
      if (error.fault === 'migration') {
        throw migrationAtFault(migration, at, error);
      }
      failures += 1;
      if (failures > mostFailures) {
        throw stillUnavailable(migration, at, error);
      }
      await clock.sleep(pauseAfter(failures));
    }
    longestBatch = Math.max(longestBatch, clock.now() - begun);
  }
  await remember(database, at, clock.now() - started, null, { seconds: 0 });
  return { state: 'more', at, longestBatch, rest: { seconds: 0 } };
}

async function recordedBefore(database: Database, at: Checkpoint): Promise<readonly Key[]> {
  const rows = await database.query(sql`
    SELECT e.key::text AS key FROM ${ledger.rowErrors} e
    WHERE e.migration = ${at.migration} AND ${ofEarlierRuns(sql`${at.run}`)} ORDER BY e.at, e.key LIMIT ${pageSize}`);
  return rows.map(({ key }) => JSON.parse(String(key)) as Key);
}

/** The rows in one statement; one by one if one of them is still bad. Nothing where the checkpoint is not ours any more. */
async function together(migration: RowMigration, work: Work, keys: readonly Key[]): Promise<void> {
  try {
    const batch = await migration.batch(work, { keys });
    if (batch !== undefined) {
      await strikeOut(work.database, batch.at, keys);
    }
    return;
  } catch (error) {
    if (!(error instanceof DatabaseError) || error.fault !== 'row') {
      throw error;
    }
  }
  let at: Checkpoint | undefined = work.at;
  for (const key of keys) {
    const batch: Batch | undefined = at && (await batchOrRowError(migration, { ...work, at }, key, 'behind'));
    at = batch && (await strikeOut(work.database, batch.at, [key]));
  }
}

/** Strikes out rows that need no change any more, or are gone: whatever is still bad has been recorded anew. */
async function strikeOut(
  database: Database,
  at: Checkpoint,
  keys: readonly Key[],
): Promise<Checkpoint | undefined> {
  const done = await move(
    database,
    at,
    sql`
    WITH ${heldBy(at)}, settled AS (
      DELETE FROM ${ledger.rowErrors} e USING held, jsonb_array_elements(${JSON.stringify(keys)}::jsonb) AS tried (key)
      WHERE e.migration = held.name AND e.key = tried.key AND ${ofEarlierRuns(sql`${at.run}`)}
    ), ${moved({})}
    SELECT * FROM moved`,
  );
  return done?.at;
}
