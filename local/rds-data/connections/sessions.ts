import pg from 'pg';
import { fromDatabase, RdsDataError } from '../errors.ts';
import type { KnownColumns } from '../results/column-metadata.ts';
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
  readonly columns: KnownColumns;
}

/**
 * Opens sessions on demand.
 *
 * @param connection The server and the default database.
 * @param limitSeconds How long a statement may take.
 * @param databaseName What callers call the default database; its own name when left out.
 */
export function openSessions(
  connection: pg.ClientConfig,
  limitSeconds: number,
  databaseName?: string,
): Sessions {
  const databases = new Map<string | undefined, Database>();
  const sessions = new Set<Session>();
  let isClosed = false;
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
    const database: Database = {
      pool: openPool({ ...connection, database: ownName }, limitSeconds),
      types: new Map(),
      columns: new Map(),
    };
    databases.set(ownName, database);
    return database;
  };

  return {
    async open(name) {
      const { pool, types, columns } = databaseOf(name);
      const client = await pool.connect().catch((error: unknown) => {
        throw fromDatabase(error);
      });
      if (isClosed) {
        client.release(true);
        throw new RdsDataError('DatabaseUnavailableException');
      }
      const session = sessionOn({
        client,
        types,
        columns,
        cancel,
        onEnd: () => sessions.delete(session),
      });
      sessions.add(session);
      return session;
    },
    async close() {
      isClosed = true;
      const clients = [...sessions].map(({ client }) => client);
      const released = [...sessions].map((session) => session.release()); // first, so that none begins a statement
      await Promise.all(clients.map(cancel));
      await Promise.all(released);
      const pools = [control, ...[...databases.values()].map(({ pool }) => pool)];
      await Promise.all(pools.map((pool) => pool.end()));
    },
  };
}

/** The id of the server process behind a connection, which @types/pg leaves out. */
function backendOf(client: pg.ClientBase): number | undefined {
  return 'processID' in client && typeof client.processID === 'number' ? client.processID : undefined;
}
