import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { urlOf } from '../postgres/connection.ts';
import { ownedDatabase } from '../postgres/owned-database.ts';
import { startPostgres } from '../postgres.ts';

/** A database that one test has for itself. */
export interface OwnDatabase {
  readonly url: string;
  drop(): Promise<void>;
}

/**
 * Makes a database for a test: in the server of this URL, or in an embedded PostgreSQL.
 *
 * @param folder Where an embedded one keeps its files.
 */
export function testDatabase(server: string | undefined, folder: string): Promise<OwnDatabase> {
  return server === undefined ? embedded(join(folder, 'postgres')) : inServer(server);
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
    return { url: urlOf(await ownedDatabase(postgres.connection, 'app')), drop };
  } catch (error) {
    await drop();
    throw error;
  }
}

async function inServer(server: string): Promise<OwnDatabase> {
  const name = `data_migrations_test_${randomBytes(6).toString('hex')}`;
  await execute(server, `CREATE DATABASE ${pg.escapeIdentifier(name)}`);
  // As clients write it for a socket, a URL has no host, which `URL` does not take.
  const url = new URL(server.replace('@/', '@socket/'));
  url.pathname = `/${name}`;
  return {
    url: url.href.replace('@socket/', '@/'),
    drop: () => execute(server, `DROP DATABASE IF EXISTS ${pg.escapeIdentifier(name)} WITH (FORCE)`),
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
