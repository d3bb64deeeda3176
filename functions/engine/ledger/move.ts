import { number } from 'valibot';
import type { Database, Statements } from '../database/data-api.ts';
import type { RowOf, Shape } from '../database/row-shape.ts';
import { type Sql, sql, when } from '../database/sql.ts';
import { DatabaseError } from '../errors.ts';
import {
  type Checkpoint,
  checkpointRow,
  columnsOfWalk,
  columnsOfWhole,
  lineOf,
  progress,
} from './checkpoint.ts';
import { ledger } from './names.ts';

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
      SELECT ${at.migration}::text AS name FROM "settings#", ${lineOf(at)}
        AND m.batches = ${at.batches}
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

/** The last CTEs of such a statement: they move the checkpoint together with the rows, or not at all. */
export function moved(at: Checkpoint, move: Move): Sql {
  // What is waited for comes first: a CASE evaluates its condition before anything else.
  const sinceBegun = sql`extract(epoch FROM clock_timestamp() - (SELECT "begun#" FROM "settings#"))::float8`;
  const busy = sql`${
    move.after ? sql`CASE WHEN ${move.after} IS NOT NULL THEN ${sinceBegun} END` : sinceBegun
  } AS busy_seconds`;
  const updated = move.updated ?? sql`0`;
  const sums = sql`
        batches = m.batches + 1,
        total_processed = m.total_processed + ${move.processed ?? sql`0`},
        total_updated = m.total_updated + ${updated}`;
  const walk = sql`${sums}
        ${when(move.cursor, sql`, cursor = ${move.cursor ?? null}`)}
        ${when(move.conflicted, sql`, conflicted = ${move.conflicted ?? null}`)}`;
  const whole = sql`
        moved_at = now(),
        pass_updated = ${move.pass === undefined ? sql`m.pass_updated + ${updated}` : sql`0`},
        duration_seconds = m.duration_seconds + ${move.seconds ?? 0}::float8
        ${when(move.secondsPerRow, sql`, seconds_per_row = ${move.secondsPerRow ?? null}::float8`)}
        ${when(move.pass, sql`, pass = ${move.pass ?? null}::integer`)}`;
  if (at.range === undefined) {
    return sql`
    "moved#" AS (
      UPDATE ${ledger.migrations} m SET ${walk}, ${whole} FROM "held#" WHERE m.name = "held#".name
      RETURNING ${columnsOfWhole()}, ${columnsOfWalk()}, ${busy}
    )`;
  }
  // The migration's line comes last, since lanes wait for one another there: from then until the commit, nobody else gets its claim.
  return sql`
    "walked#" AS (
      UPDATE ${ledger.ranges} m SET ${walk} FROM "held#" WHERE m.migration = "held#".name AND m.number = ${at.range.number}
      RETURNING ${columnsOfWalk()}
    ),
    "whole#" AS (
      UPDATE ${ledger.migrations} m SET ${sums}, ${whole}
      FROM "walked#" WHERE m.name = ${at.migration} AND m.claim = ${at.claim}::uuid
      RETURNING ${columnsOfWhole()}, ${busy}
    ),
    "moved#" AS (
      SELECT "walked#".*, "whole#".*,
        CASE WHEN "whole#".pass IS NULL THEN (${claimLost} || left("walked#".batches::text, 0))::integer END AS "claimed#"
      FROM "walked#" LEFT JOIN "whole#" ON true
    )`;
}

/**
 * Why a lane's statement fails as a whole, rows and all: somebody else has claimed the migration since it began. Text that is no number;
 * with something of the line in it, since what is constant the planner would compute beforehand.
 */
const claimLost = 'the claim is lost';

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
  const shape = { ...checkpointRow, busy_seconds: number(), ...beside };
  const [row] = await database.query(statement, shape).catch(unlessLost);
  const seconds = (performance.now() - begun) / 1_000;
  return (
    row && {
      at: { ...at, ...progress(row) },
      time: { busy: row.busy_seconds, beside: Math.max(0, seconds - row.busy_seconds) },
      row: row as RowOf<S>,
    }
  );
}

function unlessLost(error: unknown): never[] {
  if (error instanceof DatabaseError && error.message.includes(claimLost)) {
    return [];
  }
  throw error;
}

/** Starts the next pass from the first key. */
export async function nextPass(database: Database, at: Checkpoint): Promise<Checkpoint | undefined> {
  const next = moved(at, { cursor: sql`NULL`, pass: at.pass + 1 });
  const done = await move(database, at, sql`WITH ${heldBy(at)}, ${next} SELECT * FROM "moved#"`);
  return done?.at;
}
