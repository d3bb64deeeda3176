import { boolean, nullable, number, picklist, string } from 'valibot';
import type { Caller, RunInput } from '../../contract.ts';
import type { Database } from '../database/data-api.ts';
import { key, ownJson, type RowOf } from '../database/row-shape.ts';
import { type Sql, sql, when, withCtes } from '../database/sql.ts';
import type { Key } from '../database/table.ts';
import { DatabaseError } from '../errors.ts';
import { type Conflicted, columnsOfConflicted, firstKeys } from './conflicted.ts';
import type { Controls } from './controls.ts';
import { isHolder } from './holder.ts';
import { isUnderWay, makeIf, type Status, statuses } from './life-cycle.ts';
import { ledger } from './names.ts';
import { rateKept } from './rates.ts';

/**
 * Where a migration stands, and the right to write: `claim` is this invocation's, `batches` counts the statements that
 * moved the checkpoint. A statement writes only if both are still what they were when it was built. So a statement that
 * arrives twice, late or from a zombie changes nothing.
 */
export interface Checkpoint extends Conflicted {
  readonly migration: string;
  readonly run: string;
  readonly claim: string;
  readonly batches: number;
  readonly status: Status;
  /** 1 is the first walk over the table; the others sweep up what was written in the old form behind the cursor. */
  readonly pass: number;
  /** The last key done, or null before the first. */
  readonly cursor: Key | null;
  readonly totalProcessed: number;
  readonly totalUpdated: number;
  /** Rows changed in this pass. */
  readonly passUpdated: number;
  /** Rows that it looks at in all, counted or estimated when its run began. */
  readonly rowsKnown: number;
  readonly secondsPerRow: number | null;
  /** Row errors of this migration; those that this run recorded are not tried again in it. */
  readonly rowErrors: number;
  readonly rowErrorsOfThisRun: number;
  /** How operators hold and steer it. */
  readonly controls: Controls;
  /** Slices that this part of its run has had. */
  readonly slices: number;
  /** A release that was deployed since asks its run to go on with the new code, in its next part. */
  readonly renew: boolean;
  /** How many other migrations are under way in this database. */
  readonly besides: number;
  /** What its run was asked for. */
  readonly request: RunInput;
  /** What a statement took that did next to nothing, when the claim was made, in seconds; null where nobody measured it. */
  readonly roundTrip: number | null;
  /** For how long this run has been held under pressure without a batch in between, in seconds. */
  readonly heldSeconds: number;
  /**
   * Left out, it is the place of the one walk over the table. Else a lane's, in its range: cursor, conflicted keys and number of batches are
   * the range's; all other counters are the migration's.
   */
  readonly range?: Range;
  /** Rows that this walk has processed and updated: in its range, or in all. */
  readonly walked: { readonly processed: number; readonly updated: number };
  /** How many lanes walk what is ahead of it, which is cut into ranges for them; 0 while one walk does all of it. */
  readonly lanes: number;
}

/** A range of keys that a lane walks: those after the cursor. */
export interface Range {
  readonly number: number;
  /** The right to move its cursor, for as long as the migration's claim is the one that it was taken with. */
  readonly claim: string;
  /** Its last key; null for the end of the table. */
  readonly until: Key | null;
}

type Claim = Pick<
  Checkpoint,
  | 'migration'
  | 'run'
  | 'claim'
  | 'slices'
  | 'renew'
  | 'besides'
  | 'request'
  | 'heldSeconds'
  | 'roundTrip'
  | 'range'
>;

/** Of the migration's line `m`: what a checkpoint has of the migration as a whole. */
export const columnsOfWhole = (): Sql => sql`
   m.status, m.pass, m.total_processed, m.total_updated, m.pass_updated, m.rows_known,
   CASE WHEN m.seconds_per_row > 0 AND m.seconds_per_row < 'Infinity' THEN m.seconds_per_row END AS seconds_per_row,
   (SELECT jsonb_build_object('paused', c.paused, 'tuned', c.tuned) FROM ${ledger.controls} c
    WHERE c.migration = m.name)::text AS controls`;

/** Of the line `m` of a migration or a range: what a checkpoint has of the walk. */
export const columnsOfWalk = (): Sql =>
  sql`m.batches, m.cursor::text AS cursor, ${columnsOfConflicted()}, m.total_processed AS walk_processed, m.total_updated AS walk_updated`;

/** The row that these columns make. */
export const checkpointRow = {
  batches: number(),
  status: picklist(statuses),
  pass: number(),
  cursor: nullable(key),
  conflicted: firstKeys,
  conflicted_count: number(),
  total_processed: number(),
  total_updated: number(),
  walk_processed: number(),
  walk_updated: number(),
  pass_updated: number(),
  rows_known: number(),
  seconds_per_row: nullable(number()),
  controls: nullable(ownJson<Controls>()),
} as const;

const uncontrolled: Controls = { paused: null, tuned: null };

/**
 * Makes this invocation the one that may write, if its run is at the migration: undefined if it has ended, was paused, or another
 * run has taken it over since. It counts as a slice of the run's part, and a newer claim makes older ones powerless.
 *
 * @param as `lane`: it takes the claim that there is, as the other lanes do.
 */
export async function claim(
  database: Database,
  migration: string,
  run: Caller,
  as: 'only one' | 'lane' = 'only one',
): Promise<Checkpoint | undefined> {
  const isLane = as === 'lane';
  const [mine] = await database.query(
    sql`
    WITH run AS (
      UPDATE ${ledger.runs} r SET slices = r.slices + 1 WHERE ${isHolder(run)}
      RETURNING r.execution_arn, r.slices, r.renew, r.request
    ), held AS (
      SELECT extract(epoch FROM now() - (m.resting ->> 'held_since')::timestamptz)::float8 AS seconds
      FROM ${ledger.migrations} m, run WHERE m.name = ${migration} AND m.run = run.execution_arn
    ), besides AS (
      SELECT count(*) AS others FROM ${ledger.migrations} m JOIN ${ledger.runs} r ON r.execution_arn = m.run
      WHERE ${isUnderWay()} AND m.name <> ${migration} AND r.status = 'running'
    ), claimed AS (
      UPDATE ${ledger.migrations} m SET resting = NULL, moved_at = CASE WHEN m.resting IS NULL THEN m.moved_at ELSE now() END
        ${when(!isLane, sql`, claim = gen_random_uuid(), slice_started_at = now(), slice_processed = m.total_processed`)}
      FROM run WHERE m.name = ${migration} AND m.run = run.execution_arn AND m.status <> 'failed'
        ${when(isLane, sql`AND m.status = 'running' AND m.claim IS NOT NULL`)}
      RETURNING m.*
    )
    SELECT m.name AS migration, m.run, m.claim::text AS claim, run.slices, run.renew, run.request::text AS request,
      COALESCE((SELECT seconds FROM held), 0) AS "heldSeconds", (SELECT others FROM besides) AS besides
    FROM run, claimed m`,
    {
      migration: string(),
      run: string(),
      claim: string(),
      slices: number(),
      renew: boolean(),
      request: ownJson<RunInput>(),
      heldSeconds: number(),
      besides: number(),
    },
  );
  if (mine === undefined) {
    return undefined;
  }
  // A statement of its own: the one above may have waited for a zombie's last batch, whose row errors it would not see. If a
  // duplicate of this invocation has claimed in between, claim again.
  const begun = performance.now();
  const at = await reload(database, { ...mine, roundTrip: null });
  return at === undefined
    ? claim(database, migration, run, as)
    : { ...at, roundTrip: (performance.now() - begun) / 1_000 };
}

/** What of a checkpoint changes with every batch. */
export function progress(row: RowOf<typeof checkpointRow>) {
  return {
    batches: row.batches,
    status: row.status,
    pass: row.pass,
    cursor: row.cursor,
    conflicted: row.conflicted,
    conflictedCount: row.conflicted_count,
    totalProcessed: row.total_processed,
    totalUpdated: row.total_updated,
    walked: { processed: row.walk_processed, updated: row.walk_updated },
    passUpdated: row.pass_updated,
    rowsKnown: row.rows_known,
    secondsPerRow: row.seconds_per_row,
    controls: row.controls ?? uncontrolled,
  };
}

/** What the ledger says now, if the claim is still ours: after a statement whose outcome is unknown. */
export async function reload(database: Database, at: Claim): Promise<Checkpoint | undefined> {
  const [row] = await database.query(
    sql`
    SELECT "whole#".*, "walk#".*,
      (SELECT count(*) FROM ${ledger.rowErrors} e WHERE e.migration = ${at.migration}) AS row_errors,
      (SELECT count(*) FROM ${ledger.rowErrors} e WHERE e.migration = ${at.migration} AND e.run = ${at.run})
        AS row_errors_of_this_run,
      (SELECT COALESCE(max(COALESCE(r.lane, 0)) + 1, 0) FROM ${ledger.ranges} r WHERE r.migration = ${at.migration}) AS lanes
    FROM (
      SELECT ${columnsOfWhole()} FROM ${ledger.migrations} m WHERE m.name = ${at.migration} AND m.claim = ${at.claim}::uuid
    ) AS "whole#", (SELECT ${columnsOfWalk()} FROM ${lineOf(at)}) AS "walk#"`,
    { ...checkpointRow, row_errors: number(), row_errors_of_this_run: number(), lanes: number() },
  );
  return (
    row && {
      ...at,
      ...progress(row),
      rowErrors: row.row_errors,
      rowErrorsOfThisRun: row.row_errors_of_this_run,
      lanes: row.lanes,
    }
  );
}

/**
 * The line `m` whose cursor a checkpoint moves, if the claim is still ours: as a table with a condition, and what an UPDATE says between
 * them.
 */
export function lineOf(
  { migration, claim, range }: Pick<Checkpoint, 'migration' | 'claim' | 'range'>,
  set: Sql = sql``,
): Sql {
  return range === undefined
    ? sql`${ledger.migrations} m ${set} WHERE m.name = ${migration} AND m.claim = ${claim}::uuid`
    : sql`
      ${ledger.ranges} m ${set} WHERE m.migration = ${migration} AND m.number = ${range.number} AND m.claim = ${range.claim}::uuid
        AND EXISTS (SELECT FROM ${ledger.migrations} w WHERE w.name = ${migration} AND w.claim = ${claim}::uuid)`;
}

/** What a slice leaves to the next one. */
export interface Remembered {
  /** Working time not yet in the ledger. */
  readonly seconds: number;
  readonly secondsPerRow?: number | null;
  /** For how long it rests, and why, for those who watch; and for how long it had been held under pressure before. */
  readonly rest?: { readonly seconds: number; readonly reason?: string; readonly heldSeconds?: number };
}

/** Keeps in the ledger what a slice leaves to the next one, and for those who watch how far it came, if the claim is still ours. */
export async function remember(
  database: Database,
  at: Checkpoint,
  { seconds, secondsPerRow = null, rest = { seconds: 0 } }: Remembered,
): Promise<void> {
  const { reason = 'leaves room for others', heldSeconds = null } = rest;
  const left = sql`
    "left#" AS (
      UPDATE ${ledger.migrations}
      SET duration_seconds = duration_seconds + ${seconds}::float8,
        seconds_per_row = COALESCE(${secondsPerRow}::float8, seconds_per_row),
        resting = CASE WHEN ${rest.seconds} > 0 THEN
          jsonb_strip_nulls(jsonb_build_object('until', now() + ${rest.seconds} * interval '1 s', 'reason', ${reason}::text,
            'held_since', now() - ${heldSeconds}::float8 * interval '1 s')) END
      WHERE name = ${at.migration} AND claim = ${at.claim}::uuid
      RETURNING name, total_processed, slice_started_at, slice_processed
    )`;
  await database.execute(withCtes([left], rateKept(sql`"left#"`)));
}

/** Keeps the working time of a slice that failed, if the database takes it: its failure says more than that it did not. */
export async function rememberFailed(database: Database, at: Checkpoint, seconds: number): Promise<void> {
  try {
    await remember(database, at, { seconds });
  } catch (error) {
    if (!(error instanceof DatabaseError)) {
      throw error;
    }
  }
}

/** Lets go of a migration that was paused: it stands where it stands, and nothing holds its table. */
export async function letGo(database: Database, at: Checkpoint): Promise<void> {
  await database.execute(sql`
    UPDATE ${ledger.migrations} m SET claim = NULL, resting = NULL, ${makeIf('breakOff')}
    WHERE m.name = ${at.migration} AND m.claim = ${at.claim}::uuid`);
}
