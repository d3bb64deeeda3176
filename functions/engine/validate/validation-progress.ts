import type { Caller } from '../../contract.ts';
import type { Database } from '../database/data-api.ts';
import { type Sql, sql } from '../database/sql.ts';
import type { Key } from '../database/table.ts';
import type { RowMigration } from '../define/migration.ts';
import { Superseded } from '../errors.ts';
import { ledger } from '../ledger/names.ts';
import { type Asked, type Found, mostKeys, nothingFound } from './validation-query.ts';

/** How far validating is. Its run keeps it: every invocation goes on from it, a new run starts over. */
export interface Stage {
  readonly migration: string;
  /** How often the run has been redriven. */
  readonly redrives: number;
  readonly pages: number;
  readonly rows: number;
  readonly cursor: Key | null;
  readonly ended: boolean;
  /** Working time. */
  readonly seconds: number;
  readonly secondsPerRow: number | null;
  readonly found: readonly NamedFound[];
}

export interface NamedFound extends Found {
  readonly name: string;
}

/** The stage, and the text of it that the ledger has: only from there is it moved. */
export interface Kept {
  readonly stage: Stage;
  readonly text: string | null;
}

/** What a page adds to the stage. */
export interface Passed extends Asked {
  /** Rows asked for; when there are fewer, the table ends. */
  readonly limit: number;
  readonly seconds: number;
  readonly secondsPerRow: number | null;
}

/** Where the run is with validating this migration; at the beginning, if it is not. Throws Superseded. */
export async function stageOf(database: Database, migration: RowMigration, run: Caller): Promise<Kept> {
  const [row] = await database.query(sql`
    SELECT r.stage::text AS stage FROM ${ledger.runs} r WHERE ${isRunning(run)}`);
  if (row === undefined) {
    throw new Superseded(
      `migration "${migration.name}": the run ${run.execution_arn} does not hold the ledger`,
    );
  }
  const text = row.stage === null ? null : String(row.stage);
  const stage = text === null ? undefined : (JSON.parse(text) as Stage);
  const goesOn = stage !== undefined && isOf(stage, migration, run);
  return { text, stage: goesOn ? { ...stage, redrives: run.redrive_count } : beginning(migration, run) };
}

function isOf({ migration, redrives, found }: Stage, { name, validate }: RowMigration, run: Caller): boolean {
  const names = validate.map((validation) => validation.name);
  if (migration !== name || JSON.stringify(found.map((each) => each.name)) !== JSON.stringify(names)) {
    return false;
  }
  // Whoever has a run redriven has corrected what failed.
  return redrives === run.redrive_count || found.every(({ failedRows }) => failedRows === 0);
}

function beginning({ name, validate }: RowMigration, { redrive_count: redrives }: Caller): Stage {
  const found = validate.map((validation) => ({ name: validation.name, ...nothingFound }));
  const at = { pages: 0, rows: 0, cursor: null, ended: false, seconds: 0, secondsPerRow: null };
  return { migration: name, redrives, ...at, found };
}

/**
 * Moves the stage past a page, if it is still where the page began. Otherwise a duplicate of this invocation was faster, or
 * this very call came twice, and validating goes on from where it is now.
 */
export async function keep(
  database: Database,
  migration: RowMigration,
  run: Caller,
  { stage, text }: Kept,
  page: Passed,
): Promise<Kept> {
  const next: Stage = {
    ...stage,
    pages: stage.pages + 1,
    rows: stage.rows + page.rows,
    cursor: page.last ?? stage.cursor,
    ended: page.rows < page.limit,
    seconds: stage.seconds + page.seconds,
    secondsPerRow: page.secondsPerRow,
    found: stage.found.map((before, i) => together(before, page.found[i] ?? nothingFound)),
  };
  const [row] = await database.query(sql`
    UPDATE ${ledger.runs} r SET stage = ${JSON.stringify(next)}::jsonb
    WHERE ${isRunning(run)} AND r.stage IS NOT DISTINCT FROM ${text}::jsonb
    RETURNING r.stage::text AS stage`);
  return row === undefined ? stageOf(database, migration, run) : { stage: next, text: String(row.stage) };
}

const isRunning = (run: Caller): Sql =>
  sql`r.execution_arn = ${run.execution_arn} AND r.redrive_count = ${run.redrive_count} AND r.status = 'running'`;

function together(before: NamedFound, now: Found): NamedFound {
  const reason = before.reason ?? now.reason;
  return {
    name: before.name,
    failedRows: before.failedRows + now.failedRows,
    keys: [...before.keys, ...now.keys].slice(0, mostKeys),
    unasked: before.unasked + now.unasked,
    ...(reason !== undefined && { reason }),
  };
}
