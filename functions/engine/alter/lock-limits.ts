import { number, string } from 'valibot';
import type { Database } from '../database/data-api.ts';
import { sql } from '../database/sql.ts';
import type { AlterMigration } from '../define/registered.ts';
import { MigrationFailed } from '../errors.ts';
import { type AlteredTable, secondsPerTable } from './alter-tables.ts';

// A table's own, its TOAST table's and that one's index's, there or still to be made. Each index of its own has one more.
const locksPerTable = 3;
// The share of the server's lock table that we may fill. All transactions share it, and any of them fails that finds it full.
// A change that rewrites tables takes up to 2.7 times as many locks (8 a table, 2 an index): even then others have room.
const share = 1 / 3;

/** Refuses more tables than one transaction may change, before it changes the first. Throws MigrationFailed. */
export async function checkLimits(
  database: Database,
  migration: AlterMigration,
  lacking: readonly AlteredTable[],
): Promise<void> {
  const problem = tooMany(migration, lacking.length, await countLocks(database, lacking));
  if (problem === undefined) {
    return;
  }
  throw new MigrationFailed(`migration "${migration.name}": ${problem}. None of them was changed`);
}

/** What an ALTER of some tables may lock, and how many locks the server keeps. */
export interface LockCount {
  /** With all their partitions and children. */
  readonly tables: number;
  readonly indexes: number;
  /** The locks that the server keeps for all transactions, and the settings that make it so many. */
  readonly slots: number;
  readonly settings: string;
}

/** Why so many tables are too many for one transaction, with the arithmetic and what to do. */
export function tooMany(
  { maxTables }: Pick<AlterMigration, 'maxTables'>,
  lacking: number,
  { tables, indexes, slots, settings }: LockCount,
): string | undefined {
  const split = 'Split it into several migrations by what "tables" finds, for example by app';
  if (lacking > maxTables) {
    const seconds = Math.ceil(lacking * secondsPerTable);
    return (
      `${lacking} tables lack the change, and one transaction takes ${maxTables} at most (maxTables); at some 20 ms each, ` +
      `the application would wait ${seconds} s for the first until the last is changed. ${split}, or allow more at a time ` +
      'when nobody minds the wait'
    );
  }
  const needed = tables * locksPerTable + indexes;
  if (needed <= slots * share) {
    return undefined;
  }
  return (
    `${tables} tables with ${indexes} indexes lack the change, partitions included. In one transaction that can take ` +
    `${needed} locks, ${locksPerTable} for each table with its TOAST and 1 for each index, and the server keeps ${slots} ` +
    `for everybody (${settings}), of which a migration takes a third at most. ${split}, or raise max_locks_per_transaction ` +
    'and restart the database'
  );
}

/** Counts what an ALTER of these tables may lock. */
export async function countLocks(
  database: Database,
  lacking: readonly Omit<AlteredTable, 'lacks'>[],
): Promise<LockCount> {
  const [counted] = await database.query(
    sql`
    WITH RECURSIVE family AS (
      SELECT c.oid
      FROM jsonb_to_recordset(${JSON.stringify(lacking)}::jsonb) AS t (schema text, name text)
      JOIN pg_namespace n ON n.nspname = t.schema
      JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = t.name
      UNION
      SELECT i.inhrelid FROM pg_inherits i JOIN family parent ON parent.oid = i.inhparent
    ), setting AS (
      SELECT current_setting('max_locks_per_transaction')::bigint AS locks,
        current_setting('max_connections')::bigint AS connections,
        current_setting('max_prepared_transactions')::bigint AS prepared
    )
    SELECT (SELECT count(*) FROM family) AS tables,
      (SELECT count(*) FROM pg_index i JOIN family f ON f.oid = i.indrelid) AS indexes,
      locks * (connections + prepared) AS slots,
      format('max_locks_per_transaction %s × (max_connections %s + max_prepared_transactions %s)',
        locks, connections, prepared) AS settings
    FROM setting`,
    { tables: number(), indexes: number(), slots: number(), settings: string() },
  );
  return counted ?? { tables: 0, indexes: 0, slots: 0, settings: '' };
}
