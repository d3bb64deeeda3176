import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';

/** A database that belongs to one test or test file. */
export interface TestDatabase {
  readonly name: string;
  readonly url: string;
  readonly pool: pg.Pool;
  /** Runs one statement and returns its rows. */
  query<Row extends pg.QueryResultRow>(sql: string, values?: readonly unknown[]): Promise<Row[]>;
  drop(): Promise<void>;
}

export interface FreshDatabaseOptions {
  /** The beginning of its name, to find it in a log. */
  readonly name?: string;
  /** A database to clone; nobody may be connected to it meanwhile. */
  readonly template?: string;
}

/** Creates a database in the test run's PostgreSQL. */
export async function freshDatabase({
  name = 'test',
  template,
}: FreshDatabaseOptions = {}): Promise<TestDatabase> {
  const unique = `${name}_${randomBytes(6).toString('hex')}`;
  const clone = template === undefined ? '' : `TEMPLATE ${pg.escapeIdentifier(template)}`;
  await onCluster(`CREATE DATABASE ${pg.escapeIdentifier(unique)} ${clone}`);

  const url = urlOf(unique);
  const pool = new pg.Pool({ connectionString: url, max: 5 });
  pool.on('error', () => {}); // a test may kill its backends
  return {
    name: unique,
    url,
    pool,
    query: async (sql, values = []) => (await pool.query(sql, [...values])).rows,
    async drop() {
      await pool.end();
      await onCluster(`DROP DATABASE IF EXISTS ${pg.escapeIdentifier(unique)} WITH (FORCE)`);
    },
  };
}

async function onCluster(sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: inject('postgresUrl') });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

function urlOf(database: string): string {
  const url = new URL(inject('postgresUrl').replace('@/', '@socket/'));
  url.pathname = `/${database}`;
  return url.href.replace('@socket/', '@/');
}
