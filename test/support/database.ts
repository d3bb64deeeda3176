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
  /** The URL of the PostgreSQL that it is made in; that of the test run by default. */
  readonly cluster?: string | undefined;
}

/** Creates a database. */
export async function freshDatabase({
  name = 'test',
  template,
  cluster = inject('postgresUrl'),
}: FreshDatabaseOptions = {}): Promise<TestDatabase> {
  const unique = `${name}_${randomBytes(6).toString('hex')}`;
  const clone = template === undefined ? '' : `TEMPLATE ${pg.escapeIdentifier(template)}`;
  await execute(cluster, `CREATE DATABASE ${pg.escapeIdentifier(unique)} ${clone}`);

  const url = urlOf(cluster, unique);
  const pool = new pg.Pool({ connectionString: url, max: 5 });
  pool.on('error', () => {}); // a test may kill its backends
  return {
    name: unique,
    url,
    pool,
    query: async (sql, values = []) => (await pool.query(sql, [...values])).rows,
    async drop() {
      await pool.end();
      await execute(cluster, `DROP DATABASE IF EXISTS ${pg.escapeIdentifier(unique)} WITH (FORCE)`);
    },
  };
}

async function execute(cluster: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: cluster });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

function urlOf(cluster: string, database: string): string {
  const url = new URL(cluster.replace('@/', '@socket/'));
  url.pathname = `/${database}`;
  return url.href.replace('@socket/', '@/');
}
