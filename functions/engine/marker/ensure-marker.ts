import { number } from 'valibot';
import type { Clock } from '../clock.ts';
import type { Database } from '../database/data-api.ts';
import { identifier, join, type Sql, sql, unsafeSql } from '../database/sql.ts';
import { markerComment } from '../database/table.ts';
import { withTableLock } from '../database/table-lock.ts';
import type { Rest } from '../define/batch.ts';
import type { RowMigration } from '../define/registered.ts';
import { DatabaseError, MigrationFailed } from '../errors.ts';
import { type Checkpoint, reload, remember } from '../ledger/checkpoint.ts';
import { ledger } from '../ledger/names.ts';
import { hasMarker, type Marked, type MarkerState, markerIndex, markerState } from './marker-state.ts';

/**
 * Makes sure that a migration's marker and its index are there; what to wait for if the index is still being built. One look
 * into the catalog where nothing is missing. Throws MigrationFailed where the table cannot have them.
 */
export async function ensureMarker(
  database: Database,
  migration: RowMigration,
  at: Checkpoint,
  clock: Clock,
): Promise<Rest | undefined> {
  if (!hasMarker(migration)) {
    return undefined;
  }
  const before = await markerState(database, migration);
  if (before === undefined || before.index === 'valid') {
    return undefined; // without a table, describeTable says so
  }
  const rest = await make(database, migration, at, clock, before);
  if (rest !== undefined) {
    await remember(database, at, { seconds: 0, rest });
  }
  return rest;
}

/** Makes what is missing, one after the other; what to wait for if it takes longer than a call. */
async function make(
  database: Database,
  migration: Marked,
  at: Checkpoint,
  clock: Clock,
  before: MarkerState,
): Promise<Rest | undefined> {
  if (before.build !== undefined) {
    return waitFor(migration, before);
  }
  // Of two invocations at once, the one with the newer claim does it: two builds would wait for each other.
  if (!(await addColumn(database, migration, at, clock, before))) {
    return { seconds: 0 };
  }
  const index = markerIndex(migration.name);
  const { schema, table } = before;
  if (before.index === 'invalid') {
    await countLostBuild(database, migration, at);
    const done = await outlasting(
      database,
      sql`DROP INDEX CONCURRENTLY IF EXISTS ${identifier(schema, index)}`,
    );
    if (!done) {
      return waitFor(migration, before);
    }
  }
  const key = join(
    migration.key.map((column) => identifier(column)),
    ', ',
  );
  // Its name stands at the beginning: by that, others find the statement while it runs.
  await outlasting(
    database,
    sql`CREATE INDEX CONCURRENTLY IF NOT EXISTS ${identifier(index)} ON ${identifier(schema, table)} (${key})
      WHERE NOT ${identifier(migration.marker)}`,
  );
  const now = await markerState(database, migration);
  return now?.index === 'valid' ? undefined : waitFor(migration, now ?? before);
}

/** Adds the column, unless it is there; false if the claim is not ours any more. */
async function addColumn(
  database: Database,
  migration: Marked,
  at: Checkpoint,
  clock: Clock,
  { column, schema, table }: MarkerState,
): Promise<boolean> {
  if (column) {
    return (await reload(database, at)) !== undefined;
  }
  // Rows that were changed without a marker would be changed again, unless "where" tells; and marked in a change of its own,
  // after which they could not be restored.
  if (at.cursor !== null && (migration.where === undefined || migration.onInvalid === 'restore')) {
    throw new MigrationFailed(
      `migration "${migration.name}", marker: it has begun without one, and the rows that it has changed are not marked. Take ` +
        '"marker" away until it is finished, and start the machine again',
    );
  }
  const what = `migration "${migration.name}": the column ${migration.marker} could not be added`;
  return withTableLock(database, clock, { what, table: migration.table }, async (tx) => {
    const [held] = await tx.query(
      sql`
      SELECT m.name FROM ${ledger.migrations} m
      WHERE m.name = ${at.migration} AND m.claim = ${at.claim}::uuid FOR UPDATE`,
      {},
    );
    if (held === undefined) {
      return false;
    }
    const name = identifier(schema, table);
    // A constant default is kept in the catalog: no row is written, however many there are.
    await tx.execute(sql`
      ALTER TABLE ${name} ADD COLUMN IF NOT EXISTS ${identifier(migration.marker)} boolean NOT NULL DEFAULT false`);
    // A literal, as a utility statement takes no parameters; a migration's name has no quotes.
    await tx.execute(sql`
      COMMENT ON COLUMN ${name}.${identifier(migration.marker)} IS ${unsafeSql(`'${markerComment(migration.name)}'`)}`);
    return true;
  });
}

// Each of them reads the whole table; what ended three of them will end the fourth.
const mostLostBuilds = 3;

/** Counts, in its run, a build that ended without an index. Throws MigrationFailed if there were too many. */
async function countLostBuild(database: Database, { name }: Marked, at: Checkpoint): Promise<void> {
  const [run] = await database.query(
    sql`
    UPDATE ${ledger.runs} r SET stage = jsonb_build_object('index_of', ${name}::text, 'lost_builds',
      CASE WHEN r.stage ->> 'index_of' = ${name} THEN (r.stage ->> 'lost_builds')::integer + 1 ELSE 1 END)
    WHERE r.execution_arn = ${at.run}
    RETURNING (r.stage ->> 'lost_builds')::integer AS lost`,
    { lost: number() },
  );
  if (run === undefined || run.lost < mostLostBuilds) {
    return;
  }
  throw new MigrationFailed(
    `migration "${name}", marker: the index "${markerIndex(name)}" is not valid after ${mostLostBuilds} builds of it have ended. ` +
      'The log of the database says why: a statement_timeout of the database user, say, or no space left. Correct that, and ' +
      'start the machine again',
  );
}

/** Runs DDL that goes on in the database when it takes longer than a call; false if it is not known yet what became of it. */
async function outlasting(database: Database, statement: Sql): Promise<boolean> {
  try {
    await database.execute(statement, { continueAfterTimeout: true });
    return true;
  } catch (error) {
    // The call was given up or its answer lost; or, class 40, another was doing the same, and PostgreSQL ended one of them.
    const unknown = error instanceof DatabaseError && error.fault === 'moment';
    if (unknown && (error.sqlState === null || error.sqlState.startsWith('40'))) {
      return false;
    }
    throw error;
  }
}

// A look costs a slice of the run. A tenth of the time that it has taken so far is not much to be late by.
const share = 0.1;
const shortest = 10;
const longest = 300;

function waitFor({ name }: Marked, { build }: MarkerState): Rest {
  const { seconds, how } = build ?? { seconds: 0, how: '' };
  return {
    seconds: Math.round(Math.min(Math.max(seconds * share, shortest), longest)),
    reason: `the index "${markerIndex(name)}" on the rows that are left is being built${how && `: ${how}`}`,
  };
}
