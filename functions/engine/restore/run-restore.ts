import { measured, startPace, tooSlow } from '../batch/batch-size.ts';
import type { Clock } from '../clock.ts';
import type { Database } from '../database/data-api.ts';
import { sql } from '../database/sql.ts';
import type { Table } from '../database/table.ts';
import type { RowMigration } from '../define/migration.ts';
import { DatabaseError } from '../errors.ts';
import { type Checkpoint, heldBy } from '../ledger/checkpoint.ts';
import { ledger } from '../ledger/names.ts';
import { mostFailures, pauseAfter } from '../slice/backoff.ts';
import { migrationAtFault, stillUnavailable } from '../slice/failure-messages.ts';
import { type At, columnsOf, movedTo, putBack, putBackOne, type Restore } from './restore-batch.ts';

/** What is to be restored begins like that. */
export function restoring(because: string, isInvalid: boolean): Omit<Restore, 'since'> {
  return { because, invalid: isInvalid, cursor: null, restored: 0, left: 0 };
}

/**
 * Enters a migration whose validation failed as one to be restored; false if the claim was not ours any more. Only what
 * it changed since it began, or was last finished, is put back: what it changed before was valid, and has been lived with.
 */
export async function enterInvalid(database: Database, at: Checkpoint, because: string): Promise<boolean> {
  const [entered] = await database.query(sql`
    WITH ${heldBy(at, 'durably')}, entered AS (
      UPDATE ${ledger.migrations} m SET status = 'restoring', batches = m.batches + 1,
        restore = ${JSON.stringify(restoring(because, true))}::jsonb || jsonb_build_object('since', GREATEST(m.started_at, m.finished_at))
      FROM held WHERE m.name = held.name RETURNING m.name
    )
    SELECT name FROM entered`);
  return entered !== undefined;
}

/** How far it came; `lost`: another invocation holds the claim now. */
export type Restoring =
  | { readonly state: 'more' | 'done'; readonly restore: Restore }
  | { readonly state: 'lost' };

/**
 * Puts back rows that the migration changed and nobody has changed since, until the journal ends or the deadline has come. It
 * neither rests nor waits for a window: until it is done, the data is half of one form and half of the other.
 */
export async function runRestore(
  database: Database,
  migration: RowMigration,
  table: Table,
  claimed: Checkpoint,
  clock: Clock,
  deadline: number,
): Promise<Restoring> {
  let now = await restoreOf(database, claimed);
  const { batch_size: most = migration.pace.maxRows } = claimed.request;
  const maxRows = Math.min(most, migration.pace.maxRows);
  let pace = startPace({ ...migration.pace, maxRows }, claimed.secondsPerRow);
  // Rows at most, while one that cannot be put back is being cornered: as a slice does with bad rows.
  let corner = Number.POSITIVE_INFINITY;
  let failures = 0;

  while (now?.status === 'restoring' && clock.now() < deadline) {
    const at: At = now;
    const begun = clock.now();
    const size = Math.min(pace.size, corner);
    try {
      const columns = await columnsOf(database, table, at, size);
      if (columns.length === 0) {
        now = (await end(database, migration, at)) ?? (await restoreOf(database, at));
        continue;
      }
      const batch = await (corner === 1 ? putBackOne : putBack)(database, table, at, columns, size);
      now = batch?.at ?? (await restoreOf(database, at));
      failures = 0;
      const rows = batch?.rows ?? 0;
      if (corner > pace.size && rows >= size / 2) {
        pace = measured(pace, rows, clock.now() - begun, 0);
      }
      corner = corner > pace.size ? Number.POSITIVE_INFINITY : corner * 2;
    } catch (error) {
      if (!(error instanceof DatabaseError)) {
        throw error;
      }
      if (error.fault === 'row' && size > 1) {
        corner = Math.max(1, Math.floor(size / 2));
        continue;
      }
      const where = { ...at, cursor: at.restore.cursor };
      if (error.fault !== 'moment') {
        throw migrationAtFault(migration, where, error);
      }
      failures += 1;
      if (failures > mostFailures) {
        throw stillUnavailable(migration, where, error);
      }
      pace = tooSlow(pace, size, clock.now() - begun);
      await clock.sleep(pauseAfter(failures));
    }
  }
  if (now === undefined) {
    return { state: 'lost' };
  }
  return { state: now.status === 'restored' ? 'done' : 'more', restore: now.restore };
}

/** What the ledger says of restoring now; undefined if the claim is not ours any more. */
async function restoreOf(database: Database, at: Checkpoint): Promise<At | undefined> {
  const [row] = await database.query(sql`
    SELECT m.status, m.batches, m.restore::text AS restore FROM ${ledger.migrations} m
    WHERE m.name = ${at.migration} AND m.claim = ${at.claim}::uuid`);
  return row && movedTo(at, row);
}

/**
 * Ends it, once the journal has been walked through: from now on the migration begins anew. Follow-up jobs are owed for the
 * rows that are others again, whoever asked: what they built may have been built from the migrated ones, by a run for another
 * migration, too. A run that fails starts none; the next one that succeeds does. Undefined if the claim was not ours.
 */
async function end(database: Database, migration: RowMigration, at: At): Promise<At | undefined> {
  const [row] = await database.query(sql`
    WITH ${heldBy(at, 'durably')}, ended AS (
      UPDATE ${ledger.migrations} m SET status = 'restored', resting = NULL, batches = m.batches + 1
      FROM held WHERE m.name = held.name
      RETURNING m.status, m.batches, m.restore
    ), owed AS (
      INSERT INTO ${ledger.followUps} AS f (job)
      SELECT job FROM ended, jsonb_array_elements_text(${JSON.stringify(migration.rebuilds)}::jsonb) AS job
      WHERE (ended.restore ->> 'restored')::bigint > 0
      ON CONFLICT (job) DO UPDATE SET owed_since = now(), run = NULL, execution_name = NULL
    )
    SELECT status, batches, restore::text AS restore FROM ended`);
  return row && movedTo(at, row);
}
