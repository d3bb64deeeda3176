import { array, boolean, nullable, number, picklist, string } from 'valibot';
import type { Caller, RunInput } from '../../contract.ts';
import type { Database, Statements } from '../database/data-api.ts';
import { json, key, ownJson, type RowOf, type Shape } from '../database/row-shape.ts';
import { type Sql, sql, when } from '../database/sql.ts';
import type { Key } from '../database/table.ts';
import { DatabaseError } from '../errors.ts';
import type { Controls } from './controls.ts';
import { isHolder } from './holder.ts';
import { isUnderWay, makeIf, type Status, statuses } from './life-cycle.ts';
import { ledger } from './names.ts';

/**
 * Where a migration stands, and the right to write: `claim` is this invocation's, `batches` counts the statements that
 * moved the checkpoint. A statement writes only if both are still what they were when it was built. So a statement that
 * arrives twice, late or from a zombie changes nothing.
 */
export interface Checkpoint {
  readonly migration: string;
  readonly run: string;
  readonly claim: string;
  readonly batches: number;
  readonly status: Status;
  /** 1 is the first walk over the table; the others sweep up what was written in the old form behind the cursor. */
  readonly pass: number;
  /** The last key done, or null before the first. */
  readonly cursor: Key | null;
  /** Keys behind the cursor whose rows the application changed between our read and our write: read again first. */
  readonly conflicted: readonly Key[];
  readonly totalProcessed: number;
  readonly totalUpdated: number;
  /** Rows changed in this pass. */
  readonly passUpdated: number;
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
}

type Claim = Pick<
  Checkpoint,
  'migration' | 'run' | 'claim' | 'slices' | 'renew' | 'besides' | 'request' | 'heldSeconds' | 'roundTrip'
>;

const columns = (): Sql => sql`
   m.name, m.run, m.claim::text AS claim, m.batches, m.status, m.pass, m.cursor::text AS cursor,
   m.conflicted::text AS conflicted, m.total_processed, m.total_updated, m.pass_updated,
   CASE WHEN m.seconds_per_row > 0 AND m.seconds_per_row < 'Infinity' THEN m.seconds_per_row END AS seconds_per_row,
   (SELECT jsonb_build_object('paused', c.paused, 'tuned', c.tuned) FROM ${ledger.controls} c
    WHERE c.migration = m.name)::text AS controls`;

const line = {
  batches: number(),
  status: picklist(statuses),
  pass: number(),
  cursor: nullable(key),
  conflicted: json(array(array(string()))),
  total_processed: number(),
  total_updated: number(),
  pass_updated: number(),
  seconds_per_row: nullable(number()),
  controls: nullable(ownJson<Controls>()),
} as const;

const uncontrolled: Controls = { paused: null, tuned: null };

/**
 * Makes this invocation the one that may write, if its run is at the migration: undefined if it has ended, was paused, or another
 * run has taken it over since. It counts as a slice of the run's part, and a newer claim makes older ones powerless.
 */
export async function claim(
  database: Database,
  migration: string,
  run: Caller,
): Promise<Checkpoint | undefined> {
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
      UPDATE ${ledger.migrations} m SET claim = gen_random_uuid(),
        resting = NULL, slice_started_at = now(), slice_processed = m.total_processed
      FROM run WHERE m.name = ${migration} AND m.run = run.execution_arn AND m.status <> 'failed'
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
    ? claim(database, migration, run)
    : { ...at, roundTrip: (performance.now() - begun) / 1_000 };
}

function progress(row: RowOf<typeof line>) {
  return {
    batches: row.batches,
    status: row.status,
    pass: row.pass,
    cursor: row.cursor,
    conflicted: row.conflicted,
    totalProcessed: row.total_processed,
    totalUpdated: row.total_updated,
    passUpdated: row.pass_updated,
    secondsPerRow: row.seconds_per_row,
    controls: row.controls ?? uncontrolled,
  };
}

/** What the ledger says now, if the claim is still ours: after a statement whose outcome is unknown. */
export async function reload(database: Database, at: Claim): Promise<Checkpoint | undefined> {
  const [row] = await database.query(
    sql`
    SELECT ${columns()},
      (SELECT count(*) FROM ${ledger.rowErrors} e WHERE e.migration = m.name) AS row_errors,
      (SELECT count(*) FROM ${ledger.rowErrors} e WHERE e.migration = m.name AND e.run = m.run)
        AS row_errors_of_this_run
    FROM ${ledger.migrations} m WHERE m.name = ${at.migration} AND m.claim = ${at.claim}::uuid`,
    { ...line, row_errors: number(), row_errors_of_this_run: number() },
  );
  return (
    row && {
      ...at,
      ...progress(row),
      rowErrors: row.row_errors,
      rowErrorsOfThisRun: row.row_errors_of_this_run,
    }
  );
}

/**
 * The first CTEs of every statement that writes. "held#" has one row if the claim and the checkpoint are still ours, and
 * locks it until the statement has committed; everything that changes something reads from it. The number of batches alone
 * would not do: a database that crashes loses the last batches, whose numbers are then used again, with other cursors.
 *
 * A lock that the application holds longer than 2 s fails the statement rather than letting our own row locks queue up
 * traffic behind it; `set_config(…, true)` lasts for this statement's transaction, the only setting autocommit leaves us.
 *
 * A batch does not wait until its commit is on disk. Should the database crash within the next half second, the batch is
 * undone as a whole, rows and checkpoint, and done again from the checkpoint that is left. The statement that ends a
 * migration waits until its commit is on disk, and with it all commits before.
 */
export function heldBy(at: Checkpoint, commit: 'soon' | 'durably' = 'soon'): Sql {
  return sql`
    "settings#" AS MATERIALIZED (
      SELECT clock_timestamp() AS "begun#", set_config('lock_timeout', '2s', true)
      ${when(commit === 'soon', sql`, set_config('synchronous_commit', 'off', true)`)}
    ),
    "held#" AS MATERIALIZED (
      SELECT m.name FROM "settings#", ${ledger.migrations} m
      WHERE m.name = ${at.migration} AND m.claim = ${at.claim}::uuid AND m.batches = ${at.batches}
        AND m.cursor IS NOT DISTINCT FROM ${at.cursor === null ? null : JSON.stringify(at.cursor)}::jsonb
      FOR UPDATE OF m
    )`;
}

/** How a statement moves the checkpoint: each an SQL expression over the CTEs that stand before it. */
export interface Move {
  /** A jsonb array of texts, or NULL to start over; left out, the cursor stays. */
  readonly cursor?: Sql;
  readonly conflicted?: Sql;
  readonly processed?: Sql;
  readonly updated?: Sql;
  /** Working time since the last statement, in seconds. */
  readonly seconds?: number;
  readonly secondsPerRow?: number | null;
  /** The next pass begins. */
  readonly pass?: number;
  /** A number from a CTE that nothing else reads, and that would write last: so that its time counts. */
  readonly after?: Sql;
}

/** The last CTE of such a statement: moves the checkpoint together with the rows, or not at all. */
export function moved(move: Move): Sql {
  const updated = move.updated ?? sql`0`;
  // What is waited for comes first: a CASE evaluates its condition before anything else.
  const busy = sql`extract(epoch FROM clock_timestamp() - (SELECT "begun#" FROM "settings#"))::float8`;
  return sql`
    "moved#" AS (
      UPDATE ${ledger.migrations} m SET
        batches = m.batches + 1,
        total_processed = m.total_processed + ${move.processed ?? sql`0`},
        total_updated = m.total_updated + ${updated},
        pass_updated = ${move.pass === undefined ? sql`m.pass_updated + ${updated}` : sql`0`},
        duration_seconds = m.duration_seconds + ${move.seconds ?? 0}::float8
        ${when(move.cursor, sql`, cursor = ${move.cursor ?? null}`)}
        ${when(move.conflicted, sql`, conflicted = ${move.conflicted ?? null}`)}
        ${when(move.secondsPerRow, sql`, seconds_per_row = ${move.secondsPerRow ?? null}::float8`)}
        ${when(move.pass, sql`, pass = ${move.pass ?? null}::integer`)}
      FROM "held#" WHERE m.name = "held#".name
      RETURNING ${columns()},
        ${move.after ? sql`CASE WHEN ${move.after} IS NOT NULL THEN ${busy} END` : busy} AS busy_seconds
    )`;
}

/** What a statement took, in seconds. */
export interface StatementTime {
  /** While it was at work and held locks, but for its commit, by the database's clock. */
  readonly busy: number;
  /** All else: its way there and back, parsing, planning, the commit. */
  readonly beside: number;
}

/** What a statement did that moved the checkpoint. */
export interface Moved<S extends Shape> {
  readonly at: Checkpoint;
  readonly time: StatementTime;
  readonly row: RowOf<S>;
}

/**
 * Runs a statement that ends with `SELECT … FROM "moved#"`: the checkpoint after it, and the columns that the statement selects
 * beside those of "moved#". Undefined if it found the claim or the checkpoint not ours.
 */
export async function move<S extends Shape = Record<never, never>>(
  database: Statements,
  at: Checkpoint,
  statement: Sql,
  beside?: S,
): Promise<Moved<S> | undefined> {
  const begun = performance.now();
  const [row] = await database.query(statement, { ...line, busy_seconds: number(), ...beside });
  const seconds = (performance.now() - begun) / 1_000;
  return (
    row && {
      at: { ...at, ...progress(row) },
      time: { busy: row.busy_seconds, beside: Math.max(0, seconds - row.busy_seconds) },
      row: row as RowOf<S>,
    }
  );
}

/** What a slice leaves to the next one. */
export interface Remembered {
  /** Working time not yet in the ledger. */
  readonly seconds: number;
  readonly secondsPerRow?: number | null;
  /** For how long it rests, and why, for those who watch; and for how long it had been held under pressure before. */
  readonly rest?: { readonly seconds: number; readonly reason?: string; readonly heldSeconds?: number };
}

/** Keeps in the ledger what a slice leaves to the next one, if the claim is still ours. */
export async function remember(
  database: Database,
  at: Checkpoint,
  { seconds, secondsPerRow = null, rest = { seconds: 0 } }: Remembered,
): Promise<void> {
  const { reason = 'leaves room for others', heldSeconds = null } = rest;
  await database.execute(sql`
    UPDATE ${ledger.migrations}
    SET duration_seconds = duration_seconds + ${seconds}::float8,
      seconds_per_row = COALESCE(${secondsPerRow}::float8, seconds_per_row),
      resting = CASE WHEN ${rest.seconds} > 0 THEN
        jsonb_strip_nulls(jsonb_build_object('until', now() + ${rest.seconds} * interval '1 s', 'reason', ${reason}::text,
          'held_since', now() - ${heldSeconds}::float8 * interval '1 s')) END
    WHERE name = ${at.migration} AND claim = ${at.claim}::uuid`);
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

/** Starts the next pass from the first key. */
export async function nextPass(database: Database, at: Checkpoint): Promise<Checkpoint | undefined> {
  const done = await move(
    database,
    at,
    sql`WITH ${heldBy(at)}, ${moved({ cursor: sql`NULL`, pass: at.pass + 1 })} SELECT * FROM "moved#"`,
  );
  return done?.at;
}

/** Lets go of a migration that was paused: it stands where it stands, and nothing holds its table. */
export async function letGo(database: Database, at: Checkpoint): Promise<void> {
  await database.execute(sql`
    UPDATE ${ledger.migrations} m SET claim = NULL, resting = NULL, ${makeIf('breakOff')}
    WHERE m.name = ${at.migration} AND m.claim = ${at.claim}::uuid`);
}
