import { readFile } from 'node:fs/promises';
import pg from 'pg';

const mark = 'Demo data of serverless-data-migrations: npm start -- --fresh makes it anew';

/**
 * The demo as it grew, in schemas of its own so that a database of the user's keeps what it has. Whoever has an earlier
 * release's demo gets the parts that have come since, and keeps the others with their ledger.
 */
const parts = [
  { schema: 'demo', there: `to_regnamespace('demo')`, files: ['schema.sql', 'data.sql'] },
  { schema: 'demo', there: `to_regclass('demo.ci_builds')`, files: ['ci-builds.sql'] },
  { schema: 'audience_data', there: `to_regnamespace('audience_data')`, files: ['audience-data.sql'] },
] as const;
const schemas = [...new Set(parts.map(({ schema }) => schema))];

/**
 * Makes what is missing of the demo data, all or nothing; `fresh` makes it anew, with an empty ledger. Refuses a database
 * with a schema or a ledger that is not the demo's.
 */
export async function prepareDemo(connection: pg.ClientConfig, fresh: boolean): Promise<void> {
  const client = new pg.Client(connection);
  await client.connect();
  try {
    await refuseForeign(client);
    await client.query('BEGIN');
    if (fresh) {
      await client.query(`DROP SCHEMA IF EXISTS ${schemas.join(', ')}, data_migrations CASCADE`);
    }
    await makeMissing(client);
    await client.query('COMMIT');
  } finally {
    await client.end();
  }
}

async function refuseForeign(client: pg.Client): Promise<void> {
  const { rows: found } = await client.query<{ name: string; ours: boolean }>(
    `SELECT nspname AS name, obj_description(oid, 'pg_namespace') IS NOT DISTINCT FROM $1 AS ours
     FROM pg_namespace WHERE nspname = ANY ($2)`,
    [mark, [...schemas, 'data_migrations']],
  );
  // The ledger has no mark: it belongs to the demo whose data it is about.
  const hasDemo = found.some(({ name, ours }) => name === 'demo' && ours);
  const foreign = found.filter(({ name, ours }) => (name === 'data_migrations' ? !hasDemo : !ours));
  if (foreign.length === 0) {
    return;
  }
  throw new Error(
    `the database of DATABASE_URL has a schema ${foreign.map(({ name }) => name).join(' and ')} that the demo did ` +
      'not make, and will not touch. Name an empty database',
  );
}

async function makeMissing(client: pg.Client): Promise<void> {
  for (const { schema, there, files } of parts) {
    const { rows } = await client.query<{ missing: boolean }>(`SELECT ${there} IS NULL AS missing`);
    if (!rows[0]?.missing) {
      continue;
    }
    await client.query(`CREATE SCHEMA IF NOT EXISTS ${schema}; COMMENT ON SCHEMA ${schema} IS '${mark}'`);
    await client.query(`SET LOCAL search_path = ${schema}`);
    for (const file of files) {
      await client.query(await readFile(new URL(file, import.meta.url), 'utf8'));
    }
  }
}
