import pg from 'pg';
import { urlOf } from './postgres/connection.ts';
import { type DatabaseLock, lockDatabase } from './postgres/database-lock.ts';
import { ownedDatabase } from './postgres/owned-database.ts';
import { startPostgres } from './postgres.ts';

/** A PostgreSQL database that no other local runtime uses until it is stopped. */
export interface LocalDatabase {
  /** The owner's, who is no superuser in the embedded PostgreSQL. */
  readonly connection: pg.ClientConfig;
  /** The same connection, for PostgreSQL's clients: `postgresql://…`. */
  readonly url: string;
  readonly isEmbedded: boolean;
  /** Gives the database up; an embedded PostgreSQL is shut down. */
  stop(): Promise<void>;
}

/** The database in the embedded PostgreSQL, and the role that owns it. */
const embeddedName = 'app';

/**
 * Opens the database to work on.
 *
 * @param url DATABASE_URL: the user's own database. Undefined or empty stands for the embedded PostgreSQL.
 * @param folder Where the embedded PostgreSQL keeps its files.
 * @throws when the database cannot be reached, or another local runtime uses it.
 */
export async function startDatabase(url: string | undefined, folder: string): Promise<LocalDatabase> {
  if (url !== undefined && url !== '') {
    const connection: pg.ClientConfig = { connectionString: url };
    const lock = await lockUsersDatabase(connection);
    return { connection, url, isEmbedded: false, stop: () => lock.release() };
  }
  const postgres = await startPostgres({ folder });
  try {
    const connection = await ownedDatabase(postgres.connection, embeddedName);
    return { connection, url: urlOf(connection), isEmbedded: true, stop: () => postgres.stop() };
  } catch (error) {
    await postgres.stop();
    throw error;
  }
}

/** The connection as an application uses it, which looks for its tables in these schemas. */
export function onSearchPath(
  connection: pg.ClientConfig,
  schemas: readonly string[] | undefined,
): pg.ClientConfig {
  if (schemas === undefined) {
    return connection;
  }
  // In a startup packet's options, a backslash stands before a space.
  const path = schemas.map((schema) => pg.escapeIdentifier(schema).replace(/[\\ ]/g, '\\$&')).join(',');
  return { ...connection, options: `-c search_path=${path}` };
}

async function lockUsersDatabase(connection: pg.ClientConfig): Promise<DatabaseLock> {
  try {
    return await lockDatabase(connection);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`the database of DATABASE_URL cannot be used: ${reason}`, { cause: error });
  }
}
