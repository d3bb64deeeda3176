import { nullable, string } from 'valibot';
import type { Clock } from '../clock.ts';
import { DatabaseError, DatabaseUnavailable } from '../errors.ts';
import { between } from '../time/backoff.ts';
import type { Database, Statements } from './data-api.ts';
import { regclass, sql, tableName } from './sql.ts';
import type { Table } from './table.ts';
import { limited } from './transaction-limits.ts';

// Seconds between tries. Each try keeps the application waiting for up to 2 s, so it gets the table for at least as long
// afterwards, and longer each time. After some 40 s Step Functions waits instead, and tries for another 20 min.
const pauses = [2, 4, 8, 16];

/**
 * Does work in one transaction that needs a table for itself for a moment. While we wait for the lock, everybody else waits
 * behind us, so a lock that is not granted within 2 s is given up and tried again later. The work may be done twice, since
 * the answer to a COMMIT can get lost. Throws DatabaseUnavailable that names the sessions in the way.
 */
export async function withTableLock<T>(
  database: Database,
  clock: Clock,
  { what, table }: { readonly what: string; readonly table: string },
  work: (tx: Statements) => Promise<T>,
): Promise<T> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await database.transaction(async (tx) => {
        await tx.execute(limited());
        return work(tx);
      });
    } catch (error) {
      if (!(error instanceof DatabaseError) || error.fault !== 'moment') {
        throw error;
      }
      const pause = pauses[tries];
      if (pause === undefined) {
        throw new DatabaseUnavailable(
          `${what}: ${error.message}. The table ${table} is used by ${await usersOf(database, table)}. End what is in the ` +
            'way, or wait for it, and start the machine again',
          { cause: error },
        );
      }
      await clock.sleep(between(pause, 1.5 * pause));
    }
  }
}

/**
 * Throws DatabaseError, the moment's, while somebody holds the table in a way that no row of it can be updated: `CREATE INDEX`, `ALTER
 * TABLE`, `LOCK TABLE`. No `lock_timeout` that a statement sets itself is there early enough for the lock on its own table.
 */
export async function checkWritable(database: Database, table: Table): Promise<void> {
  await database.transaction((tx) => tx.execute(sql`LOCK TABLE ${table.name} IN ROW EXCLUSIVE MODE NOWAIT`));
}

/** The sessions that hold a lock on a table, the oldest transaction first, in words. */
async function usersOf(database: Database, table: string): Promise<string> {
  const [row] = await database.query(
    sql`
    SELECT string_agg(format('process %s, in a transaction for %s s', pid, age), '; ' ORDER BY age DESC) AS users FROM (
      SELECT DISTINCT a.pid, COALESCE(extract(epoch FROM now() - a.xact_start)::integer, 0) AS age
      FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
      WHERE l.relation = ${regclass(tableName(table))}
        AND l.granted AND a.datname = current_database() AND a.pid <> pg_backend_pid()
    ) AS holders`,
    { users: nullable(string()) },
  );
  return row?.users ?? 'nobody any more';
}
