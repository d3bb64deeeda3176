import type { Checkpoint } from './checkpoint.ts';
import type { Database, Statements } from './database.ts';
import { DatabaseError } from './errors.ts';
import type { RowMigration } from './migration.ts';
import { sql } from './sql.ts';
import type { Table } from './table.ts';

// Few enough to be locked for a moment only, many enough that the time of one statement does not hide that of a row.
const rows = 500;

/**
 * Working seconds per row before the first batch, from one that is rolled back; undefined if that did not work, and the
 * batches have to find out why.
 */
export async function measureRate(
  database: Database,
  migration: RowMigration,
  table: Table,
  at: Checkpoint,
  now: () => number,
): Promise<number | undefined> {
  let rate: number | undefined;
  try {
    await database.transaction(async (tx) => {
      const once = oneCallAtATime(tx);
      const begun = now();
      await once.database.query(sql`SELECT 1 AS there`);
      const roundTrip = now() - begun;
      const work = { database: once.database, table, at, seconds: 0, secondsPerRow: null };
      const sent = once.calls();
      const batch = await migration.batch(work, { size: Math.min(rows, migration.pace.maxRows) });
      // In the long batches to come, the way to the database and back takes no time that counts.
      const seconds = now() - begun - roundTrip * (1 + once.calls() - sent);
      if (batch !== undefined && batch.rows > 0) rate = Math.max(0, seconds) / batch.rows;
      throw new RolledBack();
    });
  } catch (error) {
    if (!(error instanceof RolledBack || error instanceof DatabaseError)) throw error;
  }
  return rate;
}

/** Takes the transaction back. */
class RolledBack extends Error {}

/** The transaction as a database. It takes one call at a time, so that what a rewrite would read ahead is not read. */
function oneCallAtATime(tx: Statements) {
  let calls = 0;
  let busy = false;
  const alone = async <T>(call: () => Promise<T>): Promise<T> => {
    if (busy) throw new DatabaseError('the transaction is busy', 'moment', null);
    busy = true;
    calls += 1;
    try {
      return await call();
    } finally {
      busy = false;
    }
  };
  const statements: Statements = {
    query: (statement) => alone(() => tx.query(statement)),
    read: (statement) => alone(() => tx.read(statement)),
  };
  const database: Database = { ...statements, transaction: (work) => work(statements) };
  return { database, calls: () => calls };
}
