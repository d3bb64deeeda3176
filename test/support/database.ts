import pg from 'pg';
import { inject } from 'vitest';
import { databaseIn } from '../../local/testing/database.ts';

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
  const { drop, ...made } = await databaseIn(cluster, name, template);
  const pool = new pg.Pool({ connectionString: made.url, max: 5 });
  pool.on('error', () => {}); // a test may kill its backends
  return {
    ...made,
    pool,
    query: async (sql, values = []) => (await pool.query(sql, [...values])).rows,
    async drop() {
      await pool.end();
      await drop();
    },
  };
}
