import { nullable, string } from 'valibot';
import type { Caller } from '../../contract.ts';
import type { Database } from '../database/data-api.ts';
import { sql } from '../database/sql.ts';
import type { Key } from '../database/table.ts';
import type { RowMigration } from '../define/registered.ts';
import { doesNotHold, isHolder } from '../ledger/holder.ts';
import { ledger } from '../ledger/names.ts';
import { type Findings, mostKeys, nothingFound, type PageFindings } from './validation-query.ts';

/** How far validating is. Its run keeps it: every invocation goes on from it, a new run starts over. */
export interface ValidationProgress {
  readonly migration: string;
  /** How often the run has been redriven. */
  readonly redrives: number;
  readonly pages: number;
  readonly rows: number;
  /** The last key done, or null before the first. */
  readonly cursor: Key | null;
  readonly ended: boolean;
  /** Working time. */
  readonly seconds: number;
  readonly secondsPerRow: number | null;
  readonly found: readonly NamedFindings[];
}

/** What one validation found so far. */
export interface NamedFindings extends Findings {
  readonly name: string;
}

/** Progress as it is in the ledger, and its text there: it is moved on only from that very text. */
export interface SavedProgress {
  readonly progress: ValidationProgress;
  readonly text: string | null;
}

/** What a page adds to the progress. */
export interface ValidatedPage extends PageFindings {
  /** Rows looked at, at most; when there were fewer, the table has ended. */
  readonly limit: number;
  readonly seconds: number;
  readonly secondsPerRow: number | null;
}

/** Where the run is with validating this migration; at the beginning, if it is not. Throws Superseded. */
export async function loadProgress(
  database: Database,
  migration: RowMigration,
  run: Caller,
): Promise<SavedProgress> {
  const [row] = await database.query(
    sql`SELECT r.stage::text AS stage FROM ${ledger.runs} r WHERE ${isHolder(run)}`,
    { stage: nullable(string()) },
  );
  if (row === undefined) {
    throw doesNotHold(migration.name, run);
  }
  const text = row.stage;
  // Another migration's, or of an index that is being built: the run does one thing at a time.
  const saved = text === null ? undefined : (JSON.parse(text) as ValidationProgress);
  const goesOn = saved !== undefined && isOf(saved, migration, run);
  return {
    text,
    progress: goesOn ? { ...saved, redrives: run.redrive_count } : beginning(migration, run),
  };
}

function isOf(
  { migration, redrives, found }: ValidationProgress,
  { name, validate }: RowMigration,
  run: Caller,
): boolean {
  const names = validate.map((validation) => validation.name);
  if (migration !== name || JSON.stringify(found.map((each) => each.name)) !== JSON.stringify(names)) {
    return false;
  }
  // An earlier release has counted in other words; it is validated anew.
  if (!found.every(({ unevaluated }) => typeof unevaluated === 'number')) {
    return false;
  }
  // A redrive means that somebody has corrected what failed, so it is validated anew.
  return redrives === run.redrive_count || found.every(({ failedRows }) => failedRows === 0);
}

function beginning(
  { name, validate }: RowMigration,
  { redrive_count: redrives }: Caller,
): ValidationProgress {
  const found = validate.map((validation) => ({ name: validation.name, ...nothingFound }));
  const at = { pages: 0, rows: 0, cursor: null, ended: false, seconds: 0, secondsPerRow: null };
  return { migration: name, redrives, ...at, found };
}

/**
 * Moves the progress past a page, if it is still where the page began. Otherwise a duplicate of this invocation was faster, or
 * this very call came twice, and validating goes on from where it is now.
 */
export async function saveProgress(
  database: Database,
  migration: RowMigration,
  run: Caller,
  { progress, text }: SavedProgress,
  page: ValidatedPage,
): Promise<SavedProgress> {
  const next: ValidationProgress = {
    ...progress,
    pages: progress.pages + 1,
    rows: progress.rows + page.rows,
    cursor: page.last ?? progress.cursor,
    ended: page.rows < page.limit,
    seconds: progress.seconds + page.seconds,
    secondsPerRow: page.secondsPerRow,
    found: progress.found.map((before, i) => added(before, page.found[i] ?? nothingFound)),
  };
  const [row] = await database.query(
    sql`
    UPDATE ${ledger.runs} r SET stage = ${JSON.stringify(next)}::jsonb
    WHERE ${isHolder(run)} AND r.stage IS NOT DISTINCT FROM ${text}::jsonb
    RETURNING r.stage::text AS stage`,
    { stage: string() },
  );
  return row === undefined ? loadProgress(database, migration, run) : { progress: next, text: row.stage };
}

function added(before: NamedFindings, now: Findings): NamedFindings {
  const reason = before.reason ?? now.reason;
  return {
    name: before.name,
    failedRows: before.failedRows + now.failedRows,
    keys: [...before.keys, ...now.keys].slice(0, mostKeys),
    unevaluated: before.unevaluated + now.unevaluated,
    ...(reason !== undefined && { reason }),
  };
}
