import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { urlOf } from '../postgres/connection.ts';
import { ownedDatabase } from '../postgres/owned-database.ts';
import { startPostgres } from '../postgres.ts';

/** A database that one test has for itself. */
export interface OwnDatabase {
  readonly name: string;
  readonly url: string;
  drop(): Promise<void>;
}

/**
 * Makes a database for a test: in the server of this URL, or in an embedded PostgreSQL.
 *
 * @param folder Where an embedded one keeps its files.
 */
export function testDatabase(server: string | undefined, folder: string): Promise<OwnDatabase> {
  return server === undefined
    ? embedded(join(folder, 'postgres'))
    : databaseIn(server, 'data_migrations_test');
}

async function embedded(folder: string): Promise<OwnDatabase> {
  const postgres = await startPostgres({ folder, fsync: false });
  const drop = async () => {
    await postgres.stop();
    for (const made of [postgres.folder, postgres.connection.host]) {
      await rm(made, { recursive: true, force: true });
    }
  };
  try {
    return { name: 'app', url: urlOf(await ownedDatabase(postgres.connection, 'app')), drop };
  } catch (error) {
    await drop();
    throw error;
  }
}

/**
 * Makes a database in a server.
 *
 * @param server The URL of one of its databases.
 * @param name The beginning of its name, to find it in a log.
 * @param template A database to clone; nobody may be connected to it meanwhile.
 */
export async function databaseIn(server: string, name: string, template?: string): Promise<OwnDatabase> {
  const unique = `${name}_${randomBytes(6).toString('hex')}`;
  const clone = template === undefined ? '' : `TEMPLATE ${pg.escapeIdentifier(template)}`;
  await execute(server, `CREATE DATABASE ${pg.escapeIdentifier(unique)} ${clone}`);
  // As clients write it for a socket, a URL has no host, which `URL` does not take.
  const url = new URL(server.replace('@/', '@socket/'));
  url.pathname = `/${unique}`;
  return {
    name: unique,
    url: url.href.replace('@socket/', '@/'),
    drop: () => execute(server, `DROP DATABASE IF EXISTS ${pg.escapeIdentifier(unique)} WITH (FORCE)`),
  };
}

async function execute(server: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: server });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
