import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { Connection } from '../../local/postgres/connection.ts';
import { type DatabaseClock, databaseClock } from '../../local/postgres/database-clock.ts';
import { ownedDatabase } from '../../local/postgres/owned-database.ts';
import { startPostgres } from '../../local/postgres.ts';

/** A PostgreSQL that only the drill has, with the tables of its application. */
export interface DrillDatabase {
  readonly connection: Connection;
  readonly clock: DatabaseClock;
  /** Runs one statement, or several without values, and returns its rows. */
  query<Row extends pg.QueryResultRow>(sql: string, values?: readonly unknown[]): Promise<Row[]>;
  /** Opens a session of the application's. Whoever opens it ends it. */
  session(): Promise<pg.Client>;
  /** Makes the application's tables anew, with 30 orders and 30 events, and empties the ledger. */
  anew(): Promise<void>;
  /** Stops it, and removes its files. */
  close(): Promise<void>;
}

const name = 'drill';

export async function startDrillDatabase(): Promise<DrillDatabase> {
  const folder = await mkdtemp(join(tmpdir(), 'drill-postgres-'));
  const postgres = await startPostgres({ folder, fsync: false });
  const remove = async () => {
    await postgres.stop();
    for (const made of [folder, postgres.folder, postgres.connection.host]) {
      await rm(made, { recursive: true, force: true });
    }
  };
  try {
    const connection = await ownedDatabase(postgres.connection, name);
    const query = querying(connection);
    return {
      connection,
      query,
      clock: await databaseClock({ name, query }),
      async session() {
        const client = new pg.Client(connection);
        client.on('error', () => {}); // Ctrl-C may stop the server before the session is ended
        await client.connect();
        return client;
      },
      async anew() {
        await query(await readFile(new URL('../application/tables.sql', import.meta.url), 'utf8'));
        const tables = await query<{ name: string }>(`
          SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
          WHERE schemaname = 'data_migrations' AND tablename <> 'version'`);
        if (tables.length > 0) {
          await query(`TRUNCATE ${tables.map((table) => table.name).join(', ')}`);
        }
      },
      close: remove,
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** A connection for each query: there are few, and none is left open when the server stops. */
const querying =
  (connection: Connection): DrillDatabase['query'] =>
  async (sql, values = []) => {
    const client = new pg.Client(connection);
    await client.connect();
    try {
      return (await client.query(sql, [...values])).rows;
    } finally {
      await client.end();
    }
  };
