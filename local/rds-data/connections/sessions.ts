import pg from 'pg';
import { fromDatabase } from '../errors.ts';
import type { KnownTypes } from '../results/result-columns.ts';
import { openPool } from './pool.ts';
import { type Session, sessionOn } from './session.ts';

/** The connections to the databases of one server. */
export interface Sessions {
  /**
   * Takes a connection.
   *
   * @param database Its name; nothing and the empty text stand for the default database.
   * @throws RdsDataError when the database cannot be reached.
   */
  open(database?: string | null): Promise<Session>;
  /** Cancels what still runs, and disconnects. */
  close(): Promise<void>;
}

interface Database {
  readonly pool: pg.Pool;
  readonly types: KnownTypes;
}

/**
 * Opens sessions on demand.
 *
 * @param connection The server and the default database.
 * @param databaseName What callers call the default database; its own name when left out.
 */
export function openSessions(connection: pg.ClientConfig, databaseName?: string): Sessions {
  const databases = new Map<string | undefined, Database>();
  const sessions = new Set<Session>();
  // A connection of its own, because all of a pool's may be busy when a statement has to be cancelled.
  const control = new pg.Pool({ ...connection, max: 1, idleTimeoutMillis: 10_000 });
  control.on('error', () => {});

  const cancel = async (client: pg.ClientBase) => {
    await control.query('SELECT pg_cancel_backend($1)', [backendOf(client)]).catch(() => {});
  };

  const databaseOf = (name: string | null | undefined): Database => {
    const isDefault = name == null || name === '' || name === databaseName;
    const ownName = isDefault ? connection.database : name;
    const known = databases.get(ownName);
    if (known) {
      return known;
    }
    const database: Database = { pool: openPool({ ...connection, database: ownName }), types: new Map() };
    databases.set(ownName, database);
    return database;
  };

  return {
    async open(name) {
      const { pool, types } = databaseOf(name);
      const client = await pool.connect().catch((error: unknown) => {
        throw fromDatabase(error);
      });
      const session = sessionOn({ client, types, cancel, onEnd: () => sessions.delete(session) });
      sessions.add(session);
      return session;
    },
    async close() {
      await Promise.all([...sessions].map(({ client }) => cancel(client)));
      await Promise.all([...sessions].map((session) => session.release()));
      const pools = [control, ...[...databases.values()].map(({ pool }) => pool)];
      await Promise.all(pools.map((pool) => pool.end()));
    },
  };
}

/** The id of the server process behind a connection, which @types/pg leaves out. */
function backendOf(client: pg.ClientBase): number | undefined {
  return 'processID' in client && typeof client.processID === 'number' ? client.processID : undefined;
}
