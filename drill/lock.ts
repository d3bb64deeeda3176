import type pg from 'pg';
import type { DrillDatabase } from './stack/database.ts';
import { until } from './until.ts';

/** Locks the table of orders until the session rolls back: who only reads it is not kept. */
export async function lockOrders(session: pg.Client): Promise<void> {
  await session.query('BEGIN; LOCK TABLE orders IN EXCLUSIVE MODE');
}

/** Waits until a batch waits for that lock. */
export async function batchWaits(database: DrillDatabase): Promise<void> {
  await until('a batch waits for the lock', async () => {
    const waiting = await database.query(
      `SELECT FROM pg_locks WHERE NOT granted AND relation = 'orders'::regclass`,
    );
    return waiting.length > 0;
  });
}
