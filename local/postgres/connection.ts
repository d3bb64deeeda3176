import pg from 'pg';
import { errorCode } from '../error-code.ts';
import type { Cluster } from './cluster.ts';

/** A complete connection: `pg` would take whatever it left out from variables like PGPORT and PGSSLMODE. */
export interface Connection {
  /** The folder of the socket. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
  readonly ssl: false;
}

/** PostgreSQL's name for the superuser that `initdb` makes. */
export const superuser = 'postgres';

/** Part of the socket's name; nothing listens on the port itself. Fixed, because PGPORT may say another one. */
export const port = 5432;

/** The superuser's connection to the database `postgres`, over the socket. */
export function connectionTo({ folders }: Cluster): Connection {
  return { host: folders.socket, port, user: superuser, database: 'postgres', ssl: false };
}

/** The connection as a URL for `psql`, `pg` and DATABASE_URL. */
export function urlOf({ host, port, user, database }: Connection): string {
  return `postgresql://${user}@/${database}?host=${encodeURIComponent(host)}&port=${port}&sslmode=disable`;
}

/**
 * Whether the server takes connections, by connecting once.
 *
 * @throws for an error that waiting does not cure.
 */
export async function connectionState(
  connection: Connection,
): Promise<'connected' | 'no server' | 'not ready'> {
  const client = new pg.Client(connection);
  client.on('error', () => {});
  try {
    await client.connect();
    await client.end();
    return 'connected';
  } catch (error) {
    switch (errorCode(error)) {
      case 'ENOENT':
      case 'ECONNREFUSED':
        return 'no server';
      case '57P03': // it starts up, recovers or shuts down
      case 'ECONNRESET': // it went down while we connected,
      case undefined: // or closed the connection without an error
        return 'not ready';
      default:
        throw error;
    }
  }
}
