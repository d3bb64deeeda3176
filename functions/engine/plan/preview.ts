import { boolean, nullable, number, picklist } from 'valibot';
import { tablesOf } from '../alter/alter-tables.ts';
import { checkLimits } from '../alter/lock-limits.ts';
import { needsChange } from '../batch/rows-in-need.ts';
import type { Database } from '../database/data-api.ts';
import { explain } from '../database/explain.ts';
import { key } from '../database/row-shape.ts';
import { type Sql, sql } from '../database/sql.ts';
import { compare, describeTable, type Key, keyColumns, keyValues, type Table } from '../database/table.ts';
import type { AlterMigration, Registered, RowMigration } from '../define/registered.ts';
import { columnsNeeded } from '../define/row-options.ts';
import { DatabaseError, messageOf } from '../errors.ts';
import { type Status, statuses } from '../ledger/life-cycle.ts';
import { ledger } from '../ledger/names.ts';
import { isPending } from '../lifecycle/pending.ts';
import { hasMarker, markerState } from '../marker/marker-state.ts';
import { rolledBack, type Sandbox } from '../trial/rollback-sandbox.ts';
import { type Trial, trialLimits, tryOut } from '../trial/trial.ts';
import { checkValidations } from '../validate/validation-query.ts';

/** What a run would find of one migration, and do. */
export interface Forecast {
  readonly migration: Registered;
  readonly pending: boolean;
  /** What the ledger says of it; undefined if it has never run. */
  readonly line: ForecastLine | undefined;
  /** Of rows: how many a run would look at, how many need the change, and a trial. */
  readonly rows?: RowsAhead;
  /** Of tables: those that lack the change. */
  readonly tables?: readonly string[];
  /** Why it would fail, or why that could not be found out. */
  readonly problem?: string;
}

export interface ForecastLine {
  readonly status: Status;
  /** When it began, in ms since 1970. */
  readonly startedAt: number;
  readonly cleanedUp: boolean;
}

export interface RowsAhead {
  /** From the cursor on, or with a marker those that are left. */
  readonly toLookAt: Count;
  readonly inNeed: Count;
  /** The marker is still to be added: then each row is written once. */
  readonly toMark: boolean;
  readonly trial?: Trial;
}

/** A number of rows: counted, or as the planner knows it. */
export interface Count {
  readonly rows: number;
  readonly counted: boolean;
}

/** Looks at a migration and tries it, in one transaction that is rolled back. Problems are part of the answer. */
export async function forecast(database: Database, migration: Registered): Promise<Forecast> {
  try {
    return await rolledBack(database, trialLimits, (sandbox) => look(sandbox, migration));
  } catch (error) {
    return { migration, pending: true, line: undefined, problem: problemOf(error) };
  }
}

const problemOf = (error: unknown): string =>
  error instanceof DatabaseError && error.fault === 'moment'
    ? `the database had no time for it, so what it would do is not known: ${error.message}. Plan again later`
    : messageOf(error);

async function look(sandbox: Sandbox, migration: Registered): Promise<Forecast> {
  const { database: inside } = sandbox;
  const line = await lineOf(inside, migration.name);
  const found = { migration, line, pending: true };
  try {
    if (!(await isPending(inside, migration))) {
      return { ...found, pending: false };
    }
    if (line?.status === 'restoring') {
      return { ...found, problem: 'it is being restored: that comes first. Then it can be tried again' };
    }
    return migration.kind === 'alterTables'
      ? { ...found, ...(await lookAtTables(inside, migration)) }
      : { ...found, ...(await lookAtRows(sandbox, migration, line)) };
  } catch (error) {
    return { ...found, problem: problemOf(error) };
  }
}

interface Line extends ForecastLine {
  readonly pass: number;
  readonly cursor: Key | null;
}

async function lineOf(inside: Database, name: string): Promise<Line | undefined> {
  const [row] = await inside.query(
    sql`
    SELECT m.status, m.pass, m.cursor::text AS cursor, extract(epoch FROM m.started_at)::float8 AS started_at,
      m.cleaned_up_at IS NOT NULL AS cleaned_up
    FROM ${ledger.migrations} m WHERE m.name = ${name}`,
    {
      status: picklist(statuses),
      pass: number(),
      cursor: nullable(key),
      started_at: number(),
      cleaned_up: boolean(),
    },
  );
  return (
    row && {
      status: row.status,
      pass: row.pass,
      cursor: row.cursor,
      startedAt: row.started_at * 1_000,
      cleanedUp: row.cleaned_up,
    }
  );
}

async function lookAtTables(
  inside: Database,
  migration: AlterMigration,
): Promise<Pick<Forecast, 'tables' | 'problem'>> {
  const lacking = (await tablesOf(inside, migration)).filter(({ lacks }) => lacks);
  const tables = lacking.map(({ schema, name }) => `${schema}.${name}`);
  const problem = await checkLimits(inside, migration, lacking).then(() => undefined, messageOf);
  return { tables, ...(problem !== undefined && { problem }) };
}

async function lookAtRows(
  sandbox: Sandbox,
  migration: RowMigration,
  line: Line | undefined,
): Promise<Pick<Forecast, 'rows' | 'problem'>> {
  const { database: inside } = sandbox;
  // What a run would be refused for, before its first batch.
  if (hasMarker(migration)) {
    await markerState(inside, migration);
  }
  const table = await describeTable(inside, { ...migration, columns: columnsNeeded(migration) });
  await checkValidations(inside, migration, table);
  const goesOn = line?.status === 'running' || line?.status === 'failed';
  const { cursor, pass } = goesOn ? line : { cursor: null, pass: 1 };
  const after = cursor === null ? sql`true` : afterKey(table, cursor);
  const ahead = pass === 1 && table.marker !== undefined ? sql`${after} AND ${table.marker.left}` : after;
  const needed =
    migration.where === undefined ? ahead : sql`${ahead} AND (${needsChange(table, pass, migration.where)})`;
  const toLookAt = await count(inside, table, ahead);
  const rows = {
    toLookAt,
    inNeed: migration.where === undefined ? toLookAt : await count(inside, table, needed),
    toMark: migration.marker !== undefined && table.marker === undefined,
  };
  try {
    return { rows: { ...rows, trial: await tryOut(sandbox, migration, table) } };
  } catch (error) {
    return { rows, problem: problemOf(error) };
  }
}

const afterKey = (table: Table, key: Key): Sql => compare(keyColumns(table), '>', keyValues(table, key));

// Counting so many takes a fraction of a second, and whoever reads a larger number does not mind if it is about right.
const countable = 100_000;

/** Counts the rows that meet a condition, if they are few and quickly found; else asks the planner. */
async function count(inside: Database, table: Table, condition: Sql): Promise<Count> {
  const rows = sql`SELECT FROM ${table.name} WHERE ${condition}`;
  try {
    const [few] = await inside.query(
      sql`SELECT count(*) AS rows FROM (${rows} LIMIT ${countable + 1}) AS few`,
      { rows: number() },
    );
    const counted = few?.rows ?? 0;
    if (counted <= countable) {
      return { rows: counted, counted: true };
    }
    return { rows: Math.max(counted, (await explain(inside, rows)).rows), counted: false };
  } catch (error) {
    // Too long, or a row of which it cannot be asked.
    if (!(error instanceof DatabaseError) || error.fault === 'migration') {
      throw error;
    }
    return { rows: (await explain(inside, rows)).rows, counted: false };
  }
}
