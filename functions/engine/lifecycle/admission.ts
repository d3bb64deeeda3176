import { boolean, number, string } from 'valibot';
import type { Caller, Execution } from '../../contract.ts';
import { tablesOf } from '../alter/alter-tables.ts';
import type { Database, Statements } from '../database/data-api.ts';
import { identifier, sql, tableName, textOf } from '../database/sql.ts';
import type { Registered } from '../define/registered.ts';
import { DatabaseError } from '../errors.ts';
import { type ExecutionStatus, isAlive } from '../ledger/execution-status.ts';
import { noted } from '../ledger/history.ts';
import { isHeldByOther, isHolder } from '../ledger/holder.ts';
import { ledger, schema } from '../ledger/names.ts';
import { backgroundLock, end, isInBackground } from '../ledger/run-lock.ts';
import { waitingForPlace } from '../ledger/waiting.ts';
import { percentDone } from './how-far.ts';

/** What a run wants to begin with. */
export interface Admission {
  readonly run: Caller;
  readonly migration: Registered;
  /** Its execution is one in the background, of which at most so many are at work in this database. */
  readonly background: { readonly most: number; readonly registered: readonly string[] } | undefined;
  /** What goes on in the background is taken over: this run finishes it. */
  readonly takesOver: boolean;
  /** As what it is entered. */
  readonly as: 'running' | 'restoring';
}

/** What is in the way of beginning. */
export interface Conflict {
  /** `place`: as many go on in the background as may, or one that is registered earlier waits as well. */
  readonly because: 'migration' | 'table' | 'place';
  /** Of whoever is in the way. */
  readonly runs: readonly Execution[];
  /** It goes on in the background. */
  readonly inBackground: boolean;
  /** What it is, in words. */
  readonly reason: string;
}

/**
 * Lets a run begin with a migration, unless another run is at it, at another migration of the same table, or, in the background, as
 * many as may be: then it says what is in the way. Runs that ended without telling the ledger are in nobody's way.
 *
 * @param enter Enters the migration as this run's, in the transaction that looks; false if it is not to begin after all.
 */
export async function admit(
  database: Database,
  statusOf: ExecutionStatus,
  wanted: Admission,
  enter: (tx: Statements) => Promise<boolean>,
): Promise<'admitted' | 'not entered' | Conflict> {
  if (await isAdmitted(database, wanted)) {
    return 'admitted'; // the same call again, because its first answer got lost
  }
  const tables = await tablesNamed(database, wanted.migration);
  for (;;) {
    const trying = database.transaction(async (tx) => {
      // Whoever begins looks and enters alone: two that look at once would both find nothing in the way.
      // A Lambda that dies in between would keep the others out for the minutes after which the Data API gives a transaction up.
      await tx.execute(sql`
        SELECT 1 AS locked FROM set_config('idle_in_transaction_session_timeout', '1500ms', true),
          pg_advisory_xact_lock(hashtextextended(${lockName()}, 0))`);
      const conflict = (await heldBy(tx, wanted, tables)) ?? (await placeTaken(tx, wanted));
      if (conflict !== undefined) {
        return conflict;
      }
      if (!(await enter(tx))) {
        return 'not entered';
      }
      await tx.execute(sql`
        UPDATE ${ledger.migrations} m SET tables = ${JSON.stringify(tables)}::jsonb
        WHERE m.name = ${wanted.migration.name} AND m.run = ${wanted.run.execution_arn}`);
      return 'admitted';
    });
    const found = await trying.catch(async (error: unknown) => {
      // Its COMMIT may have come through although the answer did not.
      if (error instanceof DatabaseError && (await isAdmitted(database, wanted))) {
        return 'admitted' as const;
      }
      throw error;
    });
    if (typeof found === 'string' || !(await endDead(database, statusOf, found.runs))) {
      return found;
    }
  }
}

async function isAdmitted(database: Database, { run, migration, as }: Admission): Promise<boolean> {
  const [mine] = await database.query(
    sql`
    SELECT m.name FROM ${ledger.migrations} m JOIN ${ledger.runs} r ON r.execution_arn = m.run
    WHERE m.name = ${migration.name} AND m.status = ${as} AND ${isHolder(run)}`,
    {},
  );
  return mine !== undefined;
}

/** Ends the runs whose executions do not run any more; false if all of them do. */
async function endDead(
  database: Database,
  statusOf: ExecutionStatus,
  runs: readonly Execution[],
): Promise<boolean> {
  let ended = false;
  for (const run of runs) {
    if (!isAlive(await statusOf(run.execution_arn))) {
      await end(database, run, 'abandoned');
      ended = true;
    }
  }
  return ended;
}

// Of this schema's ledger, whoever else takes advisory locks here.
const lockName = (): string => `admission to ${schema}`;

/** The first run that is at this migration, or at another of its tables; those that it may take over, it does. */
async function heldBy(
  tx: Statements,
  { run, migration: { name }, takesOver }: Admission,
  tables: readonly string[],
): Promise<Conflict | undefined> {
  const others = await tx.query(
    sql`
    SELECT m.name, m.run AS execution_arn, r.redrive_count, m.status, m.total_processed, m.rows_known, ${isInBackground} AS in_background,
      COALESCE((SELECT min(held.name) FROM jsonb_array_elements_text(m.tables) AS held (name)
        WHERE held.name IN (SELECT jsonb_array_elements_text(${JSON.stringify(tables)}::jsonb))), '') AS table
    FROM ${ledger.migrations} m JOIN ${ledger.runs} r ON r.execution_arn = m.run
    WHERE ${isHeldByOther(run)} ORDER BY m.name <> ${name}, m.started_at`,
    {
      name: string(),
      execution_arn: string(),
      redrive_count: number(),
      status: string(),
      total_processed: number(),
      rows_known: number(),
      in_background: boolean(),
      table: string(),
    },
  );
  for (const other of others.filter((each) => each.name === name || each.table !== '')) {
    if (takesOver && other.in_background) {
      await takeOver(tx, run, other.name);
      continue;
    }
    const itself = other.name === name;
    const percent = percentDone({ ...other, duration_seconds: 0 });
    return {
      because: itself ? 'migration' : 'table',
      runs: [other],
      inBackground: other.in_background,
      reason: itself
        ? `the run ${other.execution_arn}, which is at it, ${percent} %`
        : `${other.name}, ${percent} %, which changes the same table ${other.table}`,
    };
  }
  return undefined;
}

/** Makes a migration this run's. The execution in the background finds that out, and waits until this run is done with it. */
async function takeOver(tx: Statements, run: Caller, migration: string): Promise<void> {
  const note = noted('taken over', sql`"taken#"`, { migration: sql`name`, run: sql`${run.execution_arn}` });
  await tx.execute(sql`
    WITH "taken#" AS (
      UPDATE ${ledger.migrations} m SET run = r.execution_arn, claim = NULL, resting = NULL, moved_at = now()
      FROM ${ledger.runs} r WHERE m.name = ${migration} AND ${isHolder(run)}
      RETURNING m.name
    ), ${note} SELECT name FROM "taken#"`);
}

/** What is in the way of another one in the background: those at work are as many as may be, or one before it waits, too. */
async function placeTaken(
  tx: Statements,
  { run, migration, background }: Admission,
): Promise<Conflict | undefined> {
  if (background === undefined) {
    return undefined;
  }
  const atWork = await tx.query(
    sql`
    SELECT m.name, m.run AS execution_arn, r.redrive_count FROM ${ledger.migrations} m JOIN ${ledger.runs} r ON r.execution_arn = m.run
    WHERE ${isHeldByOther(run)} AND ${isInBackground} ORDER BY m.started_at`,
    { name: string(), execution_arn: string(), redrive_count: number() },
  );
  if (atWork.length >= background.most) {
    const names = atWork.map(({ name }) => name).join(', ');
    const reason = `a place in the background, where ${background.most} may be at work: ${names}`;
    return { because: 'place', runs: atWork, inBackground: true, reason };
  }
  const { registered } = background;
  const before = registered.slice(0, registered.indexOf(migration.name)).map(backgroundLock);
  const ahead = (await waitingForPlace(tx)).find(({ lock }) => before.includes(lock));
  return (
    ahead && {
      because: 'place',
      runs: [ahead],
      inBackground: true,
      reason: `its turn in the background, after ${ahead.lock.slice(backgroundLock('').length)}`,
    }
  );
}

/**
 * The tables that a migration changes, by schema and name; the topmost parent stands for a partitioned table, since a batch in it
 * changes its partitions.
 */
async function tablesNamed(database: Database, migration: Registered): Promise<readonly string[]> {
  const names =
    migration.kind === 'alterTables'
      ? (await tablesOf(database, migration)).map(({ schema, name }) => identifier(schema, name))
      : [tableName(migration.table)];
  const rows = await database.query(
    sql`
    SELECT DISTINCT n.nspname || '.' || c.relname AS name
    FROM jsonb_array_elements_text(${JSON.stringify(names.map(textOf))}::jsonb) AS given (name)
    JOIN pg_class c ON c.oid = COALESCE(pg_partition_root(to_regclass(given.name)), to_regclass(given.name))
    JOIN pg_namespace n ON n.oid = c.relnamespace ORDER BY 1`,
    { name: string() },
  );
  return rows.map(({ name }) => name);
}
