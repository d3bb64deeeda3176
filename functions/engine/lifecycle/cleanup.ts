import { boolean, number, picklist, string } from 'valibot';
import type { Caller } from '../../contract.ts';
import { hasJournal, journalName, journalOf } from '../batch/undo-journal.ts';
import type { Clock } from '../clock.ts';
import type { Database, Statements } from '../database/data-api.ts';
import { identifier, regclass, sql, tableName, textOf, withCtes } from '../database/sql.ts';
import { markerComment } from '../database/table.ts';
import { withTableLock } from '../database/table-lock.ts';
import type { Registered } from '../define/registered.ts';
import { MigrationFailed } from '../errors.ts';
import { noted } from '../ledger/history.ts';
import { doesNotHold, isHolder } from '../ledger/holder.ts';
import { statuses } from '../ledger/life-cycle.ts';
import { ledger } from '../ledger/names.ts';
import { keepResult, runState } from '../ledger/run-record.ts';
import { isPending } from './pending.ts';

/**
 * Drops what a finished migration has left behind, and keeps what that was as the run's answer: all in one transaction.
 * From then on it is never pending again. The ledger keeps its line. Throws MigrationFailed if it is not finished.
 */
export async function cleanUp(
  database: Database,
  migration: Registered,
  run: Caller,
  clock: Clock,
): Promise<void> {
  const state = await checkFinished(database, migration);
  if (state !== 'finished') {
    // A duplicate of this invocation may have been faster, and have said what it dropped.
    const { results } = await runState(database, run);
    if (!results.has(migration.name)) {
      await keepResult(database, run, migration.name, { cleaned_up: [] });
    }
    return;
  }
  const what = `migration "${migration.name}" could not be cleaned up`;
  const table = migration.kind === 'alterTables' ? textOf(ledger.migrations) : migration.table;
  const isRecorded = await withTableLock(database, clock, { what, table }, async (tx) => {
    if (!(await record(tx, migration, run))) {
      return false;
    }
    const dropped = [
      ...(await dropMarker(tx, migration)),
      ...(await dropJournal(tx, migration)),
      ...(await forgetRowErrors(tx, migration)),
    ];
    await keepResult(tx, run, migration.name, { cleaned_up: dropped });
    return true;
  });
  if (!isRecorded) {
    // A duplicate of this invocation was faster, or another run has begun it anew: the next look finds which.
    await cleanUp(database, migration, run, clock);
  }
}

/** Whether there may be something to clean up. Throws MigrationFailed if the migration has still work to do. */
async function checkFinished(
  database: Database,
  migration: Registered,
): Promise<'finished' | 'cleaned up' | 'never needed'> {
  const { name, kind } = migration;
  const [line] = await database.query(
    sql`
    SELECT m.status, m.cleaned_up_at IS NOT NULL AS cleaned_up, m.rows_known, m.total_processed,
      (SELECT count(*) FROM ${ledger.rowErrors} e WHERE e.migration = m.name) AS row_errors
    FROM ${ledger.migrations} m WHERE m.name = ${name}`,
    {
      status: picklist(statuses),
      cleaned_up: boolean(),
      rows_known: number(),
      total_processed: number(),
      row_errors: number(),
    },
  );
  if (line?.cleaned_up) {
    return 'cleaned up';
  }
  const pending = await isPending(database, migration);
  if (line?.status === 'finished' && !pending) {
    return 'finished';
  }
  if (line === undefined && !pending) {
    return 'never needed';
  }

  const things = kind === 'alterTables' ? 'tables' : 'rows';
  const left = Math.max(0, (line?.rows_known ?? 0) - (line?.total_processed ?? 0));
  const counts = `${left} of ${line?.rows_known} ${things} are left, and ${line?.row_errors} row errors are recorded`;
  const state = {
    none: 'it has never run',
    running: `it is under way: ${counts}`,
    failed: `its last run failed, or was stopped: ${counts}`,
    restoring: 'it is being restored',
    restored: 'it was restored, so that its rows are what they were before',
    finished: `it is finished, but ${things} have come in since that need it`,
  }[line?.status ?? 'none'];
  throw new MigrationFailed(
    `migration "${name}" cannot be cleaned up: ${state}. Start the machine with {"only": "${name}"}, and clean up once that ` +
      'has succeeded',
  );
}

/**
 * Records that it happens; false if that has been done, or the migration is not finished any more. Throws Superseded if this run does not
 * hold the ledger any more.
 */
async function record(tx: Statements, { name }: Registered, run: Caller): Promise<boolean> {
  const [held] = await tx.query(
    sql`SELECT r.execution_arn FROM ${ledger.runs} r WHERE ${isHolder(run)} FOR UPDATE`,
    {},
  );
  if (!held) {
    throw doesNotHold(name, run);
  }
  const cleaned = sql`
    "cleaned#" AS (
      UPDATE ${ledger.migrations} m SET cleaned_up_at = now()
      WHERE m.name = ${name} AND m.status = 'finished' AND m.cleaned_up_at IS NULL RETURNING m.name
    )`;
  const note = noted('cleaned up', sql`"cleaned#"`, {
    migration: sql`name`,
    run: sql`${run.execution_arn}`,
  });
  const [recorded] = await tx.query(withCtes([cleaned, note], sql`SELECT name FROM "cleaned#"`), {});
  return recorded !== undefined;
}

/** Drops the marker column, which takes its index with it: by what it says of itself, even if "marker" is gone already. */
async function dropMarker(tx: Statements, migration: Registered): Promise<string[]> {
  if (migration.kind === 'alterTables') {
    return [];
  }
  const { name, table } = migration;
  const columns = await tx.query(
    sql`
    SELECT n.nspname::text AS schema, c.relname::text AS relation, a.attname::text AS name
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.oid = ${regclass(tableName(table))} AND NOT a.attisdropped AND a.attnum > 0
      AND col_description(c.oid, a.attnum) = ${markerComment(name)}`,
    { schema: string(), relation: string(), name: string() },
  );
  for (const column of columns) {
    await tx.execute(sql`
      ALTER TABLE ${identifier(column.schema, column.relation)} DROP COLUMN ${identifier(column.name)}`);
  }
  return columns.map((column) => `the marker column ${column.name} of ${table}, with its index`);
}

async function dropJournal(tx: Statements, { name }: Registered): Promise<string[]> {
  if (!(await hasJournal(tx, name))) {
    return [];
  }
  await tx.execute(sql`DROP TABLE ${journalOf(name)}`);
  return [`the undo journal ${journalName(name)}`];
}

/** Deletes the row errors, and says how many there were: afterwards nobody can tell which rows they were. */
async function forgetRowErrors(tx: Statements, { name }: Registered): Promise<string[]> {
  const [row] = await tx.query(
    sql`
    WITH forgotten AS (DELETE FROM ${ledger.rowErrors} e WHERE e.migration = ${name} RETURNING e.key)
    SELECT count(*) AS rows FROM forgotten`,
    { rows: number() },
  );
  const rows = row?.rows ?? 0;
  return rows === 0 ? [] : [`the record of ${rows} row ${rows === 1 ? 'error' : 'errors'}`];
}
