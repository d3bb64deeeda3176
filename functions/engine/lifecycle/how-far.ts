import { nullable, number, string } from 'valibot';
import type { Progress } from '../../contract.ts';
import type { Statements } from '../database/data-api.ts';
import { ownJson } from '../database/row-shape.ts';
import { sql } from '../database/sql.ts';
import { ledger } from '../ledger/names.ts';

/** What of a migration's line in the ledger says how far it is. */
export interface ProgressLine {
  readonly status: string;
  readonly total_processed: number;
  readonly rows_known: number;
  readonly duration_seconds: number;
  readonly schedule?: { readonly ends_at: string } | null;
  readonly resting?: { readonly until: string } | null;
  readonly slice_started_at?: string | null;
  readonly slice_processed?: number;
}

/** Of the rows known, with one decimal, rounded down, and below 100 until all that comes after the last row is done too. */
export function percentDone({ status, total_processed: done, rows_known: known }: ProgressLine): number {
  if (status === 'finished') {
    return 100;
  }
  // Restored, its rows are what they were before.
  if (status === 'restored' || known === 0) {
    return 0;
  }
  return Math.min(Math.floor((done / Math.max(known, done)) * 1000) / 10, 99.9);
}

/** Rows per second: of the slice under way, or else of all its working time. `now` in ms since 1970, on the database's clock. */
export function rowsPerSecond(line: ProgressLine, now: number): number | undefined {
  const { total_processed: done, slice_started_at: since, slice_processed: before = 0 } = line;
  const seconds = since ? (now - Date.parse(since)) / 1000 : 0;
  // Under a second says little.
  if (seconds >= 1 && done > before) {
    return (done - before) / seconds;
  }
  return line.duration_seconds > 0 && done > 0 ? done / line.duration_seconds : undefined;
}

/** When it will have ended if all goes on like this, in ISO 8601: of a migration that is at work. */
export function expectedEnd(line: ProgressLine, now: number): string | undefined {
  if (line.schedule) {
    return line.schedule.ends_at;
  }
  const rate = rowsPerSecond(line, now);
  if (rate === undefined) {
    return undefined;
  }
  const from = Math.max(now, line.resting ? Date.parse(line.resting.until) : 0);
  const left = Math.max(line.rows_known - line.total_processed, 0);
  return new Date(from + (left / rate) * 1000).toISOString();
}

/** How far a migration is, as a run's result map says it. */
export async function progressIn(database: Statements, migration: string): Promise<Progress> {
  const [row] = await database.query(
    sql`
    SELECT (to_jsonb(m) - 'cursor' - 'conflicted')::text AS line, to_jsonb(now()) #>> '{}' AS now, r.status AS run
    FROM ${ledger.migrations} m LEFT JOIN ${ledger.runs} r ON r.execution_arn = m.run WHERE m.name = ${migration}`,
    { line: ownJson<ProgressLine>(), now: string(), run: nullable(string()) },
  );
  if (row === undefined) {
    return { total_processed: 0, percent: 0 };
  }
  const { line, now, run } = row;
  const end = line.status === 'running' && run === 'running' ? expectedEnd(line, Date.parse(now)) : undefined;
  return {
    total_processed: line.total_processed,
    percent: percentDone(line),
    ...(end !== undefined && { expected_end: end }),
  };
}

/** A migration that was left unfinished. */
export interface Unfinished extends Progress {
  readonly name: string;
  readonly rows_known: number;
}

/** The migrations in the ledger that are neither finished nor restored, apart from those named. */
export async function unfinishedBesides(
  database: Statements,
  names: readonly string[],
): Promise<readonly Unfinished[]> {
  const rows = await database.query(
    sql`
    SELECT m.name, m.rows_known, m.total_processed, m.status FROM ${ledger.migrations} m
    WHERE m.status NOT IN ('finished', 'restored')
      AND m.name NOT IN (SELECT jsonb_array_elements_text(${JSON.stringify(names)}::jsonb))
    ORDER BY m.started_at, m.name`,
    { name: string(), rows_known: number(), total_processed: number(), status: string() },
  );
  return rows.map((row) => ({
    name: row.name,
    rows_known: row.rows_known,
    total_processed: row.total_processed,
    percent: percentDone({ ...row, duration_seconds: 0 }),
  }));
}
