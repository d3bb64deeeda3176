import { randomUUID } from 'node:crypto';
import { insidePage, pageOf } from '../batch/page.ts';
import { needy } from '../batch/rows-in-need.ts';
import { ensureJournal } from '../batch/undo-journal.ts';
import type { Clock } from '../clock.ts';
import type { Database } from '../database/data-api.ts';
import { join, type Sql, sql, when } from '../database/sql.ts';
import { compare, type Key, keyAsJson, keyColumns, keyValues, type Table } from '../database/table.ts';
import type { RowMigration } from '../define/migration.ts';
import { DatabaseError, MigrationFailed } from '../errors.ts';
import { type Checkpoint, reload } from '../ledger/checkpoint.ts';
import { ledger } from '../ledger/names.ts';
import { type RowError, rowErrors } from '../ledger/row-errors.ts';
import { runSlice } from '../slice/slice.ts';
import { type Inside, type Limits, rolledBack } from './rollback-sandbox.ts';
import { type Difference, different, readShown, type Shown } from './row-diff.ts';

/** What came of trying a migration on real rows. */
export interface Trial {
  /** Rows that its batches looked at, and the time they worked, without the way to the database and back. */
  readonly rows: number;
  readonly seconds: number;
  /** Rows among them that it changed. */
  readonly updated: number;
  /** The first rows only looked at: how many, those in need of them, and the time; undefined if that did not work. */
  readonly looked: { readonly rows: number; readonly inNeed: number; readonly seconds: number } | undefined;
  /** Rows that it would record as bad. */
  readonly errors: number;
  /** Up to ten of them. */
  readonly errorSamples: readonly RowError[];
  /** Up to ten rows before and after. */
  readonly differences: readonly Difference[];
  /** Statements of one batch, and the bytes that a row sends and receives. */
  readonly callsPerBatch: number;
  readonly sentPerRow: number;
  readonly receivedPerRow: number;
}

// Rows are locked meanwhile: 500 of the usual ones for a fraction of a second. Of very slow ones fewer are tried: a
// statement is given up after 2.5 s, halved and tried again, until 5 s are over. So nobody waits longer than 7.5 s. The
// batches themselves wait 2 s for a lock; then the trial is over, while it holds as good as none itself.
const mostRows = 500;
const mostSeconds = 5;
export const trialLimits: Limits = { lock: 1, statement: 2.5 };
const lockNotAvailable = '55P03';
const samples = 10;

/**
 * Runs the first batches of a migration from where it stands, about 500 rows or 5 s, and rolls them back. Beside a run of
 * the same migration it works on a line of its own in the ledger, which nobody ever sees. Rows that it changes are locked
 * until the end; no table is. Throws MigrationFailed for a migration that cannot work, DatabaseError if the database has no
 * time for it now.
 */
export async function trial(
  database: Database,
  migration: RowMigration,
  table: Table,
  now: Clock['now'] = seconds,
): Promise<Trial> {
  return rolledBack(database, trialLimits, (inside) => tryOut(inside, migration, table, now), now);
}

const seconds = (): number => performance.now() / 1_000;

/** The same inside a transaction that somebody else rolls back. */
export async function tryOut(
  inside: Inside,
  migration: RowMigration,
  table: Table,
  now: Clock['now'] = seconds,
): Promise<Trial> {
  const entered = await enter(inside, migration);
  if (migration.onInvalid === 'restore') {
    await ensureJournal(inside, entered.migration, table);
  }
  const at = { ...entered, cursor: await beforeFirstInNeed(inside, migration, table, entered) };
  const looked = await attempt(() => lookAt(inside, migration, table, at, now));
  const before = (await attempt(() => firstInNeed(inside, migration, table, at))) ?? [];

  const batches = await run(inside, migration, table, at, now);

  const keys = before.map(({ key }) => key);
  const after = keys.length === 0 ? [] : await readShown(inside, table, migration.columns, at, { keys });
  const [line] = await inside.query(sql`
    SELECT m.total_updated, (SELECT count(*) FROM ${ledger.rowErrors} e WHERE e.migration = m.name) AS errors
    FROM ${ledger.migrations} m WHERE m.name = ${at.migration}`);
  const errorSamples = await rowErrors(inside, at.migration, samples);
  return {
    ...batches,
    updated: Number(line?.total_updated),
    looked,
    errors: Number(line?.errors),
    errorSamples: errorSamples.map(({ key, reason, sqlstate }) => ({ key, reason, sqlstate })),
    differences: different(migration.columns, before, after),
  };
}

/** Enters the trial into the ledger where the migration stands, or at the beginning. */
async function enter(inside: Database, { name }: RowMigration): Promise<Checkpoint> {
  const line = `trial-${randomUUID()}`; // 42 characters: with "undo_" before it, it is still a name
  const [entered] = await inside.query(sql`
    INSERT INTO ${ledger.migrations} (name, status, run, claim, pass, cursor)
    SELECT ${line}, 'running', ${line}, gen_random_uuid(), COALESCE(m.pass, 1), m.cursor
    FROM (SELECT) AS always
      LEFT JOIN ${ledger.migrations} m ON m.name = ${name} AND m.status IN ('running', 'failed')
    RETURNING claim::text AS claim`);
  const claim = { migration: line, run: line, claim: String(entered?.claim), slices: 0 };
  return (await reload(inside, { ...claim, request: { batch_size: mostRows } })) as Checkpoint;
}

/** The key before the first row in need, so that there is something to see: rows before it may be right already. */
async function beforeFirstInNeed(
  inside: Database,
  { where }: RowMigration,
  table: Table,
  at: Checkpoint,
): Promise<Key | null> {
  const columns = keyColumns(table);
  const next = async (condition: Sql, order: Sql): Promise<Key | undefined> => {
    const [row] = await inside.query(sql`
      SELECT ${keyAsJson(columns)}::text AS key FROM ${table.name} WHERE ${condition} ORDER BY ${order} LIMIT 1`);
    return row && (JSON.parse(String(row.key)) as Key);
  };
  const after = when(at.cursor, sql`${compare(columns, '>', keyValues(table, at.cursor ?? []))} AND`);
  const needed = needy(table, at, where, { size: mostRows });
  // Where it takes too long to find one, or the condition fails, the trial begins at the cursor.
  const first = await attempt(() => next(sql`${after} ${needed}`, join(columns, ', ')));
  if (first === undefined) {
    return at.cursor;
  }
  const descending = columns.map((column) => sql`${column} DESC`);
  const before = sql`(${join(columns, ', ')}) < (${join(keyValues(table, first), ', ')})`;
  return (await next(before, join(descending, ', '))) ?? null;
}

/** What the work gives; undefined if a row or the moment is against it. */
async function attempt<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof DatabaseError && error.fault !== 'migration') {
      return undefined;
    }
    throw error;
  }
}

/** Asks the condition of the page's rows, as a batch would, and changes none. */
async function lookAt(
  inside: Inside,
  { where }: RowMigration,
  table: Table,
  at: Checkpoint,
  now: Clock['now'],
): Promise<Trial['looked']> {
  const page = { size: mostRows };
  const watch = stopwatch(inside, now);
  const [row] = await inside.query(sql`
    WITH ${pageOf(table, at, page)}
    SELECT page_rows, (
      SELECT count(*) FROM ${table.name} WHERE ${insidePage(table, at, page)} AND ${needy(table, at, where, page)}) AS needed
    FROM counted`);
  const { seconds } = watch();
  return { rows: Number(row?.page_rows), inNeed: Number(row?.needed), seconds };
}

/** The first rows in need of the page. */
async function firstInNeed(
  inside: Inside,
  { columns, where }: RowMigration,
  table: Table,
  at: Checkpoint,
): Promise<Shown[]> {
  const page = { size: mostRows };
  return readShown(inside, table, columns, at, page, needy(table, at, where, page), samples);
}

/** Ends the slice from inside. */
class Enough extends Error {}

/** Runs batches as a slice does, until there is enough to know. */
async function run(
  inside: Inside,
  migration: RowMigration,
  table: Table,
  at: Checkpoint,
  now: Clock['now'],
): Promise<Pick<Trial, 'rows' | 'seconds' | 'callsPerBatch' | 'sentPerRow' | 'receivedPerRow'>> {
  const sum = { batches: 0, rows: 0, bad: 0, seconds: 0, calls: 0, sent: 0, received: 0 };
  const deadline = now() + mostSeconds;
  let failure: unknown;
  const isEnough = (): boolean =>
    sum.rows + sum.bad >= mostRows || now() >= deadline || sqlStateOf(failure) === lockNotAvailable;
  const tried: RowMigration = {
    ...migration,
    where: undefined, // the batches have it; without, nobody looks for leftovers in all of the table
    errorBudget: Number.POSITIVE_INFINITY,
    batch: async (work, given) => {
      const page = 'size' in given ? { size: Math.min(given.size, mostRows - sum.rows) } : given;
      const watch = stopwatch(inside, now);
      try {
        const batch = await migration.batch(work, page);
        if (batch === undefined) {
          throw new MigrationFailed(`migration "${migration.name}": lost the ledger`);
        }
        const took = watch();
        sum.batches += 1;
        sum.rows += batch.rows;
        sum.seconds += took.seconds;
        sum.calls += took.calls;
        sum.sent += took.sent;
        sum.received += took.received;
        if (batch.passEnded || isEnough()) {
          throw new Enough();
        }
        return batch;
      } catch (error) {
        if (error instanceof DatabaseError && error.fault === 'row' && !('size' in page)) {
          sum.bad += 1;
        }
        failure = error;
        throw error;
      }
    },
  };
  const schedule = {
    hold: async () => {
      if (isEnough()) {
        throw new Enough();
      }
      return undefined;
    },
    rest: () => ({ seconds: 0 }),
  };
  // Nobody sleeps while rows are locked.
  const clock: Clock = { now, date: Date.now, sleep: async () => undefined };
  try {
    await runSlice(inside, tried, table, at, schedule, clock, Number.POSITIVE_INFINITY);
  } catch (error) {
    if (!(error instanceof Enough)) {
      throw error;
    }
    if (sum.rows + sum.bad === 0 && failure instanceof DatabaseError) {
      throw failure;
    }
  }
  return {
    rows: sum.rows,
    seconds: sum.seconds,
    callsPerBatch: sum.calls / Math.max(1, sum.batches),
    sentPerRow: sum.sent / Math.max(1, sum.rows),
    receivedPerRow: sum.received / Math.max(1, sum.rows),
  };
}

const sqlStateOf = (error: unknown): unknown => (error instanceof DatabaseError ? error.sqlState : undefined);

/** Measures what is done until it is asked, without savepoints and the way to the database. */
function stopwatch(inside: Inside, now: Clock['now']) {
  const begun = now();
  const before = inside.meter();
  return () => {
    const after = inside.meter();
    const calls = after.calls - before.calls;
    const away = after.overhead - before.overhead + calls * after.roundTrip;
    return {
      seconds: Math.max(0, now() - begun - away),
      calls,
      sent: after.sent - before.sent,
      received: after.received - before.received,
    };
  };
}
