import type { Database, Statements } from '../database/data-api.ts';
import { render, type Sql, sql, unsafeSql } from '../database/sql.ts';
import { DatabaseError, DatabaseUnavailable, messageOf } from '../errors.ts';
import { ledgerInside } from './sandbox-ledger.ts';

/** A database inside a transaction that will be rolled back. */
export interface Inside extends Database {
  /** What its statements have taken so far, apart from what keeps the transaction alive. */
  readonly meter: () => Meter;
}

export interface Meter {
  readonly calls: number;
  /** Bytes of the values sent, and of the JSON received: what grows with the rows. */
  readonly sent: number;
  readonly received: number;
  /** Spent on savepoints, which the same statements outside would not need. */
  readonly overhead: number;
  /** The shortest way to the database and back: what the quickest savepoint took. */
  readonly roundTrip: number;
}

export interface Limits {
  /** Seconds that a statement may wait for a lock, and take. */
  readonly lock: number;
  readonly statement: number;
}

/**
 * Runs the work in one transaction with a ledger in it, and takes back all that it did, whatever it was. Nobody else sees
 * any of it, but rows that the work has changed are locked until then. A statement that fails leaves the transaction as it
 * was before it, so that the engine can look for the row which is to blame. Throws what the work throws.
 */
export async function rolledBack<T>(
  database: Database,
  limits: Limits,
  work: (inside: Inside) => Promise<T>,
  now: () => number = () => performance.now() / 1_000,
): Promise<T> {
  let done: { readonly value: T } | undefined;
  try {
    await database.transaction(async (tx) => {
      await tx.query(sql`
        SELECT set_config('lock_timeout', ${milliseconds(limits.lock)}, true),
          set_config('statement_timeout', ${milliseconds(limits.statement)}, true)`);
      // What a batch would only hear of when it commits, it has to hear of here, too.
      await tx.query(sql`SET CONSTRAINTS ALL IMMEDIATE`);
      const { inside, end } = insideOf(tx, now);
      try {
        await ledgerInside(inside);
        done = { value: await work(inside) };
      } finally {
        await end();
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

/** Takes the transaction back. */
class RolledBack extends Error {}

const milliseconds = (seconds: number): string => `${Math.round(seconds * 1_000)}ms`;

// One call to release them all now and then, instead of one after each statement. PostgreSQL keeps up to 64 in its backend's
// own memory, of which a transaction within has its share.
const mostNested = 16;

function insideOf(tx: Statements, now: () => number): { inside: Inside; end: () => Promise<void> } {
  const meter = { calls: 0, sent: 0, received: 0, overhead: 0, roundTrip: Number.POSITIVE_INFINITY };

  const savepoint = async (command: Sql): Promise<void> => {
    const begun = now();
    await tx.query(command);
    meter.overhead += now() - begun;
    meter.roundTrip = Math.min(meter.roundTrip, now() - begun);
  };
  const counted = async <T>(statement: Sql, ask: () => Promise<T>, size: (answer: T) => number) => {
    meter.calls += 1;
    const answer = await ask();
    meter.sent += sizeOf(statement);
    meter.received += size(answer);
    return answer;
  };
  const level = (depth: number) => {
    const turn = oneAtATime();
    // Those that statements have left behind, nested in each other, and whether the last of them is still unused.
    let nested = 0;
    let unused = false;
    const name = (i: number): Sql => unsafeSql(`level_${depth}_${i}`);
    const saved = async <T>(call: () => Promise<T>): Promise<T> => {
      if (nested === mostNested && !unused) {
        await savepoint(sql`RELEASE ${name(0)}`);
        nested = 0;
      }
      if (!unused) {
        await savepoint(sql`SAVEPOINT ${name(nested)}`);
        nested += 1;
      }
      unused = false;
      try {
        return await call();
      } catch (error) {
        await savepoint(sql`ROLLBACK TO ${name(nested - 1)}`).catch(() => {
          throw new DatabaseUnavailable(
            `${messageOf(error)}. The transaction ended with it, so what would come after it is not known`,
            { cause: error },
          );
        });
        unused = true;
        throw error;
      }
    };
    const database: Database = {
      query: (statement) =>
        turn.take(() =>
          saved(() =>
            counted(
              statement,
              () => tx.query(statement),
              () => 0,
            ),
          ),
        ),
      read: (statement) =>
        turn.take(() =>
          saved(() =>
            counted(
              statement,
              () => tx.read(statement),
              ({ bytes }) => bytes,
            ),
          ),
        ),
      transaction: (work) =>
        turn.take(() =>
          saved(async () => {
            const within = level(depth + 1);
            try {
              return await work(within.database);
            } finally {
              await within.end();
            }
          }),
        ),
    };
    return { database, end: turn.end };
  };
  const outermost = level(0);
  return { inside: { ...outermost.database, meter: () => ({ ...meter }) }, end: outermost.end };
}

/** One call at a time is what a transaction takes: a rewrite that reads ahead has to wait for its turn. */
function oneAtATime() {
  let last: Promise<unknown> = Promise.resolve();
  let ended = false;
  const take = <T>(call: () => Promise<T>): Promise<T> => {
    const mine = last.then(() => {
      if (ended) {
        throw new DatabaseError('the transaction has ended', 'moment', null);
      }
      return call();
    });
    last = mine.catch(() => undefined);
    return mine;
  };
  /** Waits for the call that is under way; those behind it fail. */
  const end = async (): Promise<void> => {
    ended = true;
    await last;
  };
  return { take, end };
}

function sizeOf(statement: Sql): number {
  return render(statement).parameters.reduce((sum, { value }) => sum + String(value).length, 0);
}
