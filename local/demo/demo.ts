import { readFile } from 'node:fs/promises';
import pg from 'pg';

/** The demo application has a schema of its own, so that a database of the user's keeps what it has. */
const schema = 'demo';
const mark = 'Demo data of serverless-data-migrations: npm start -- --fresh makes it anew';

/** The connection with the demo's tables on its search path: they are called `users`, as in the application. */
export function demoConnection(connection: pg.ClientConfig): pg.ClientConfig {
  return { ...connection, options: `-c search_path=${schema}` };
}

/**
 * Makes the demo data, all or nothing, unless it is there; `fresh` makes it anew, with an empty ledger. Refuses a database
 * with a schema or a ledger that is not the demo's.
 */
export async function prepareDemo(connection: pg.ClientConfig, fresh: boolean): Promise<void> {
  const client = new pg.Client(connection);
  await client.connect();
  try {
    const found = await client.query<{ name: string; comment: string | null }>(`
      SELECT nspname AS name, obj_description(oid, 'pg_namespace') AS comment
      FROM pg_namespace WHERE nspname IN ('${schema}', 'data_migrations')`);
    const ours = found.rows.some(({ name, comment }) => name === schema && comment === mark);
    if (ours && !fresh) return;
    if (!ours && found.rows.length > 0) {
      throw new Error(
        `the database of DATABASE_URL has a schema ${found.rows.map(({ name }) => name).join(' and ')} that the demo did ` +
          'not make, and will not touch. Name an empty database',
      );
    }
    const read = (file: string) => readFile(new URL(file, import.meta.url), 'utf8');
    await client.query('BEGIN');
    await client.query(`DROP SCHEMA IF EXISTS ${schema}, data_migrations CASCADE`);
    await client.query(`CREATE SCHEMA ${schema}; COMMENT ON SCHEMA ${schema} IS '${mark}'`);
    await client.query(`SET LOCAL search_path = ${schema}`);
    await client.query(await read('schema.sql'));
    await client.query(await read('data.sql'));
    await client.query('COMMIT');
  } finally {
    await client.end();
  }
}
