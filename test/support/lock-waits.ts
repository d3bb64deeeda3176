import { expect } from 'vitest';
import type { TestDatabase } from './database.ts';

/**
 * For how long each session of a database that waits for a lock has waited, in seconds. Other databases of the same server belong to other
 * tests, whose sessions wait, too.
 */
export async function lockWaits({ query }: Pick<TestDatabase, 'query'>): Promise<number[]> {
  const found = await query<{ seconds: number }>(`
    SELECT COALESCE(extract(epoch FROM clock_timestamp() - l.waitstart), 0)::float8 AS seconds
    FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE NOT l.granted AND a.datname = current_database()`);
  return found.map(({ seconds }) => seconds);
}

/** Resolves once a session of a database has waited for a lock for more than so many seconds. */
export async function untilLockWait(database: Pick<TestDatabase, 'query'>, seconds = 0): Promise<void> {
  const isThere = async () => (await lockWaits(database)).some((waited) => waited >= seconds);
  await expect.poll(isThere, { interval: 5 }).toBe(true);
}
