import pg from 'pg';
import { claimDatabase } from './postgres/claim.ts';
import { startPostgres } from './postgres.ts';

/** A PostgreSQL to work on, ours alone until it is stopped. */
export interface LocalDatabase {
  readonly connection: pg.ClientConfig;
  stop(): Promise<void>;
}

const name = 'demo';

/** The PostgreSQL of DATABASE_URL, or else the embedded one with its data in `folder`. */
export async function startDatabase(url: string | undefined, folder: string): Promise<LocalDatabase> {
  if (url !== undefined && url !== '') {
    const connection: pg.ClientConfig = { connectionString: url };
    const claim = await claimDatabase(connection).catch((error: Error) => {
      throw new Error(`the database of DATABASE_URL cannot be used: ${error.message}`, { cause: error });
    });
    return { connection, stop: () => claim.release() };
  }
  const postgres = await startPostgres({ folder });
  const client = new pg.Client(postgres.connection);
  await client.connect();
  const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [name]);
  if (rowCount === 0) {
    await client.query(`CREATE DATABASE ${name}`);
  }
  await client.end();
  return { connection: { ...postgres.connection, database: name }, stop: () => postgres.stop() };
}
