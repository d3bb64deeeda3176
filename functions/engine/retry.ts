import { type Checkpoint, heldBy, move, moved, reload } from './checkpoint.ts';
import type { Database } from './database.ts';
import { DatabaseError } from './errors.ts';
import { migrationAtFault, stillUnavailable } from './failures.ts';
import type { Batch, RowMigration, Work } from './migration.ts';
import { batchOrRowError, type Clock, type Progress } from './slice.ts';
import { sql } from './sql.ts';
import type { Key, Table } from './table.ts';

// Bad rows are few; so many in one statement are quick even if each of them has triggers.
const pageSize = 100;

/** Takes the rows again that earlier runs recorded as bad, until the deadline: each once in a run. */
export async function runRetry(
  database: Database,
  migration: RowMigration,
  table: Table,
  claimed: Checkpoint,
  clock: Clock,
  deadline: number,
): Promise<Progress> {
  let at = claimed;
  let longestBatch = 0;
  while (clock.now() < deadline) {
    const begun = clock.now();
    const work: Work = { database, table, at, seconds: 0, secondsPerRow: null };
    try {
      const keys = at.conflicted.length > 0 ? at.conflicted : await recordedBefore(database, at);
      if (keys.length === 0) return { state: 'done', at, longestBatch, seconds: 0 };
      const now = (await together(migration, work, keys)) ?? (await reload(database, at));
      if (now === undefined) return { state: 'lost' };
      at = now;
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error;
      if (error.fault === 'migration') throw migrationAtFault(migration, at, error);
      throw stillUnavailable(migration, at, error);
    }
    longestBatch = Math.max(longestBatch, clock.now() - begun);
  }
  return { state: 'more', at, longestBatch, rest: { seconds: 0 } };
}

async function recordedBefore(database: Database, at: Checkpoint): Promise<readonly Key[]> {
  const rows = await database.query(sql`
    SELECT e.key::text AS key FROM data_migrations.row_errors e
    WHERE e.migration = ${at.migration} AND e.run <> ${at.run} ORDER BY e.at, e.key LIMIT ${pageSize}`);
  return rows.map(({ key }) => JSON.parse(String(key)) as Key);
}

/** The rows in one statement; one by one if one of them is still bad. */
async function together(
  migration: RowMigration,
  work: Work,
  keys: readonly Key[],
): Promise<Checkpoint | undefined> {
  try {
    const batch = await migration.batch(work, { keys });
    return batch && strikeOut(work.database, batch.at, keys);
  } catch (error) {
    if (!(error instanceof DatabaseError) || error.fault !== 'row') throw error;
  }
  let at: Checkpoint | undefined = work.at;
  for (const key of keys) {
    const batch: Batch | undefined = at && (await batchOrRowError(migration, { ...work, at }, key, 'behind'));
    at = batch && (await strikeOut(work.database, batch.at, [key]));
  }
  return at;
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
      DELETE FROM data_migrations.row_errors e USING held, jsonb_array_elements(${JSON.stringify(keys)}::jsonb) AS tried (key)
      WHERE e.migration = held.name AND e.key = tried.key AND e.run <> ${at.run}
    ), ${moved({})}
    SELECT * FROM moved`,
  );
  return done?.at;
}
