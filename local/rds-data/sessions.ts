import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { fromDatabase, RdsDataError } from './errors.ts';
import { type Answer, type ResultLimit, send } from './statement.ts';
import type { KnownTypes } from './types.ts';
import type { Bound } from './values.ts';

/** One connection for one call, or for one transaction. */
export interface Session {
  readonly client: pg.ClientBase;
  readonly types: KnownTypes;
  run(bound: Bound, options: RunOptions): Promise<Answer>;
  /** Gives the connection back with nothing left in it. Never fails. */
  release(): Promise<void>;
}

export interface RunOptions {
  /** When the caller gets a StatementTimeoutException, in milliseconds since 1970. */
  readonly deadline: number;
  /** The statement then goes on without the caller, instead of being cancelled. */
  readonly continueAfterTimeout?: boolean;
  readonly limit?: ResultLimit;
}

/** The connections to every database of one server. */
export interface Sessions {
  open(database?: string | null): Promise<Session>;
  /** Cancels what still runs and disconnects. */
  close(): Promise<void>;
}

interface Database {
  readonly pool: pg.Pool;
  readonly types: KnownTypes;
}

/** A statement of its own without parameters. */
export const plain = (text: string): Bound => ({ text, types: [], values: [] });

/** Connects on demand; `databaseName` is what callers call the connection's own database. */
export function openSessions(connection: pg.ClientConfig, databaseName?: string): Sessions {
  const databases = new Map<string, Database>();
  const running = new Set<Session>();
  const control = new pg.Pool({ ...connection, max: 1, idleTimeoutMillis: 10_000 });
  control.on('error', () => {});

  const cancel = async (client: pg.ClientBase) => {
    const { processID } = client as pg.ClientBase & { readonly processID: number };
    await control.query('SELECT pg_cancel_backend($1)', [processID]).catch(() => {});
  };

  const databaseOf = (name: string | null | undefined): Database => {
    const own = name == null || name === '' || name === databaseName;
    const physical = own ? connection.database : name;
    const known = databases.get(physical ?? '');
    if (known) {
      return known;
    }
    const database = { pool: openPool({ ...connection, database: physical }), types: new Map() };
    databases.set(physical ?? '', database);
    return database;
  };

  return {
    async open(name) {
      const { pool, types } = databaseOf(name);
      const client = await pool.connect().catch((error: unknown) => {
        throw fromDatabase(error);
      });
      const session = sessionOn(client, types, cancel, () => running.delete(session));
      running.add(session);
      return session;
    },
    async close() {
      await Promise.all([...running].map(({ client }) => cancel(client)));
      await Promise.all([...running].map((session) => session.release()));
      await Promise.all(
        [control, ...[...databases.values()].map(({ pool }) => pool)].map((pool) => pool.end()),
      );
    },
  };
}

function openPool(connection: pg.ClientConfig): pg.Pool {
  const pool = new pg.Pool({
    ...connection,
    max: 40, // of the 100 connections that a PostgreSQL has by default, with room for a second endpoint and psql
    connectionTimeoutMillis: 45_000, // as long as a statement: a caller waits no longer than that
    idleTimeoutMillis: 60_000,
    application_name: 'rds-data',
    // What the answers are read from: dates in ISO form and UTC, bytea as hex, floats with all their digits.
    options: `${connection.options ?? ''} -c timezone=UTC -c datestyle=ISO -c bytea_output=hex -c extra_float_digits=1`,
  });
  // A backend that is killed says so on its connection: to whoever waits for an answer, and here, where nobody does.
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  return pool;
}

function sessionOn(
  client: pg.PoolClient,
  types: KnownTypes,
  cancel: (client: pg.ClientBase) => Promise<void>,
  ended: () => void,
): Session {
  let settled: Promise<unknown> = Promise.resolve();
  let released: Promise<void> | undefined;

  const discard = async () => {
    await settled;
    ended();
    try {
      if (client.getTransactionStatus() !== 'I') {
        await client.query('ROLLBACK');
      }
      await client.query('DISCARD ALL'); // settings, temporary tables, prepared statements, advisory locks
      client.release();
    } catch {
      client.release(true); // the connection is gone
    }
  };

  return {
    client,
    types,
    async run(bound, { deadline, continueAfterTimeout = false, limit }) {
      const answer = send(client, bound, limit);
      let timer: NodeJS.Timeout | undefined;
      const timeout = new Promise<'timeout'>((resolve) => {
        timer = setTimeout(resolve, deadline - Date.now(), 'timeout');
      });
      settled = answer.catch(() => {});
      try {
        const first = await Promise.race([answer, timeout]);
        if (first !== 'timeout') {
          return first;
        }
      } finally {
        clearTimeout(timer);
      }
      if (!continueAfterTimeout) {
        // The connection stays ours until the cancellation has reached it: it must not hit the next call's statement.
        settled = Promise.all([settled, cancel(client)]);
        await Promise.race([settled, sleep(1000)]);
      }
      throw new RdsDataError('StatementTimeoutException', 'Request timed out');
    },
    release: () => (released ??= discard()),
  };
}
