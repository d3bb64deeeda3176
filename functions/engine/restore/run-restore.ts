import { startPace } from '../batch/batch-size.ts';
import type { Database } from '../database/data-api.ts';
import { sql, withCtes } from '../database/sql.ts';
import type { RowMigration } from '../define/registered.ts';
import type { Checkpoint } from '../ledger/checkpoint.ts';
import { owed } from '../ledger/follow-ups.ts';
import { noted } from '../ledger/history.ts';
import { make, may } from '../ledger/life-cycle.ts';
import { heldBy } from '../ledger/move.ts';
import { ledger } from '../ledger/names.ts';
import { inBatches, type Next, type Step } from '../slice/batch-loop.ts';
import { failureOf } from '../slice/failure-messages.ts';
import type { SliceInput } from '../slice/walk.ts';
import {
  columnsOf,
  moveRestore,
  type Restore,
  type RestoreCheckpoint,
  restoreBatch,
  restoreColumns,
  restoreRow,
} from './restore-batch.ts';
import type { WhatFailed } from './validation-failed.ts';

/** Where restoring begins. */
export function restoring(because: string, isInvalid: boolean, inFull?: string): Omit<Restore, 'since'> {
  return {
    because,
    ...(inFull !== undefined && { inFull }),
    invalid: isInvalid,
    cursor: null,
    restored: 0,
    left: 0,
  };
}

/**
 * Enters a migration whose validation failed as one to be restored; false if the claim was not ours any more. Only what
 * it changed since it began, or was last finished, is put back: what it changed before was valid, and has been lived with.
 */
export async function enterInvalid(
  database: Database,
  at: Checkpoint,
  { what, inFull }: WhatFailed,
): Promise<boolean> {
  const entered = sql`
    "entered#" AS (
      UPDATE ${ledger.migrations} m SET ${make('invalidate')}, batches = m.batches + 1, moved_at = now(),
        restore = ${JSON.stringify(restoring(what, true, inFull))}::jsonb
          || jsonb_build_object('since', GREATEST(m.started_at, m.finished_at))
      FROM "held#" WHERE m.name = "held#".name AND ${may('invalidate')} RETURNING m.name
    )`;
  const rows = await database.query(
    withCtes([heldBy(at, 'durably'), entered], sql`SELECT name FROM "entered#"`),
    {},
  );
  return rows.length > 0;
}

/** How far it came; `lost`: another invocation holds the claim now. */
export type Restoring =
  | { readonly state: 'more' | 'done'; readonly restore: Restore }
  | { readonly state: 'lost' };

/**
 * Puts back rows that the migration changed and nobody has changed since, until the journal ends or the time is up. It
 * neither rests nor waits for a window: until it is done, the data is half of one form and half of the other.
 */
export async function runRestore(
  { database, clock, isOver, migration, table, tally }: SliceInput,
  claimed: Checkpoint,
): Promise<Restoring> {
  const begun = await checkpointOf(database, claimed);
  if (begun === undefined) {
    return { state: 'lost' };
  }
  let at = begun;
  const { batch_size: most = migration.pace.maxRows } = claimed.request;
  const maxRows = Math.min(most, migration.pace.maxRows);

  const batch = async ({ size, alone }: Next): Promise<Step> => {
    if (at.status !== 'restoring') {
      return 'done';
    }
    const columns = await columnsOf(database, table, at, size);
    const rows = { table, at, columns };
    if (columns.length === 0) {
      at = (await end(database, migration, at)) ?? at;
    } else {
      const done = await (alone ? restoreRow(database, rows) : restoreBatch(database, { ...rows, size }));
      if (done !== undefined) {
        at = done.at;
        return { rows: done.rows, bytesPerRow: 0 };
      }
    }
    // The journal has ended, or a duplicate of this invocation was faster.
    const now = await checkpointOf(database, at);
    at = now ?? at;
    return now === undefined ? 'lost' : 'again';
  };

  const { state } = await inBatches({
    clock,
    isOver,
    pace: startPace({ ...migration.pace, maxRows }, claimed.secondsPerRow),
    batch,
    failure: (fault, error) => failureOf(fault, migration, { ...at, cursor: at.restore.cursor }, error),
    tally,
  });
  if (state === 'lost') {
    return { state };
  }
  return { state: at.status === 'restored' ? 'done' : 'more', restore: at.restore };
}

/** What the ledger says of restoring now; undefined if the claim is not ours any more. */
async function checkpointOf(database: Database, at: Checkpoint): Promise<RestoreCheckpoint | undefined> {
  const line = await moveRestore(
    database,
    at,
    sql`
    SELECT ${restoreColumns(sql`m`)} FROM ${ledger.migrations} m
    WHERE m.name = ${at.migration} AND m.claim = ${at.claim}::uuid`,
  );
  return line?.at;
}

/**
 * Ends it, once the journal has been walked through: from now on the migration begins anew. Follow-up jobs are owed for the
 * rows that were put back, whoever asked for that: what the jobs built may have been built from the migrated rows, even by a
 * run for another migration. A run that fails starts no job; the next one that succeeds does. Undefined if the claim was not
 * ours.
 */
async function end(
  database: Database,
  migration: RowMigration,
  at: RestoreCheckpoint,
): Promise<RestoreCheckpoint | undefined> {
  const ended = sql`
    "ended#" AS (
      UPDATE ${ledger.migrations} m SET ${make('endRestore')}, resting = NULL, batches = m.batches + 1
      FROM "held#" WHERE m.name = "held#".name AND ${may('endRestore')}
      RETURNING m.*
    )`;
  const someRestored = sql`EXISTS (SELECT FROM "ended#" WHERE ("ended#".restore ->> 'restored')::bigint > 0)`;
  const line = await moveRestore(
    database,
    at,
    withCtes(
      [
        heldBy(at, 'durably'),
        ended,
        noted('restored', sql`"ended#"`, {
          migration: sql`"ended#".name`,
          run: sql`"ended#".run`,
          detail: sql`("ended#".restore ->> 'restored') || ' rows put back'`,
        }),
        owed(migration.rebuilds, someRestored),
      ],
      sql`SELECT ${restoreColumns(sql`"ended#"`)} FROM "ended#"`,
    ),
  );
  return line?.at;
}
