import type { Database } from '../database/data-api.ts';
import { sql } from '../database/sql.ts';
import { CallMeter, type Meter } from './meter.ts';
import { ledgerInside } from './sandbox-ledger.ts';
import { SavepointDatabase } from './savepoint-database.ts';

/** A database inside a transaction that will be rolled back. */
export interface Sandbox {
  readonly database: Database;
  readonly meter: () => Meter;
}

/** Seconds that a statement may wait for a lock, and take. */
export interface Limits {
  readonly lock: number;
  readonly statement: number;
}

/**
 * Runs the work in one transaction with a ledger in it, and takes back all that it did, whatever it was. Nobody else sees
 * any of it, but rows that the work has changed are locked until then. A statement that fails leaves the transaction as it
 * was before it, so that the engine can look for the row which is to blame. `now` is a clock in seconds. Throws what the work
 * throws.
 */
export async function rolledBack<T>(
  database: Database,
  limits: Limits,
  work: (sandbox: Sandbox) => Promise<T>,
  now: () => number = () => performance.now() / 1_000,
): Promise<T> {
  let done: { readonly value: T } | undefined;
  try {
    await database.transaction(async (tx) => {
      const limit = sql`
        SELECT set_config('lock_timeout', ${milliseconds(limits.lock)}, true),
          set_config('statement_timeout', ${milliseconds(limits.statement)}, true),
          set_config('idle_in_transaction_session_timeout', ${milliseconds(longestThinking)}, true)`;
      await tx.execute(limit);
      // What a batch would only hear of when it commits, it has to hear of here, too.
      await tx.execute(sql`SET CONSTRAINTS ALL IMMEDIATE`);
      const meter = new CallMeter(now);
      const inside = new SavepointDatabase(tx, meter, limit);
      try {
        await ledgerInside(inside);
        done = { value: await work({ database: inside, meter: () => meter.read() }) };
      } finally {
        await inside.end();
      }
      throw new RolledBack();
    });
  } catch (error) {
    if (!(error instanceof RolledBack)) {
      throw error;
    }
  }
  return (done as { readonly value: T }).value;
}

// Seconds between two statements, in which rows are transformed: one of them may take a minute, and is broken off 6 s later. Whoever is
// killed meanwhile leaves the locks to the server, not to the Data API, which would end the transaction after three minutes.
const longestThinking = 70;

/** Takes the transaction back. */
class RolledBack extends Error {}

const milliseconds = (seconds: number): string => `${Math.round(seconds * 1_000)}ms`;
