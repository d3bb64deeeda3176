import type pg from 'pg';

// Autovacuum looks once a minute. Where it happens to come in the middle of a measurement, a migration gives way to it, and
// the single statement it is compared with does not: neither table has it.
const storage = 'WITH (autovacuum_enabled = off)';

/** Makes a table of people without their full names, inside the database. */
export async function makePeople(client: pg.Client, table: string, rows: number): Promise<void> {
  await client.query(`DROP TABLE IF EXISTS ${table}`);
  await client.query(`
    CREATE TABLE ${table} (
      id bigint PRIMARY KEY, first_name text NOT NULL, last_name text NOT NULL, full_name text, email text NOT NULL)
    ${storage}`);
  await client.query(`
    INSERT INTO ${table} SELECT n, 'First' || n % 100, 'Last' || n % 1000, NULL, 'person' || n || '@example.com'
    FROM generate_series(1, ${rows}) AS n`);
  await settle(client, table);
}

/** Makes a table of documents in the old form. */
export async function makeDocuments(client: pg.Client, table: string, rows: number): Promise<void> {
  await client.query(`DROP TABLE IF EXISTS ${table}`);
  await client.query(`
    CREATE TABLE ${table} (id text PRIMARY KEY, organisation_id text NOT NULL, conditions jsonb NOT NULL)
    ${storage}`);
  await client.query(`
    INSERT INTO ${table} SELECT 'cfg_' || lpad(n::text, 8, '0'), 'org_' || n % 100, jsonb_build_array(
      jsonb_build_object('subject', 'incident.severity', 'operation', 'is', 'value', 'v' || n),
      jsonb_build_object('subject', 'incident.team', 'operation', 'is_not', 'value', 'v' || n % 7))
    FROM generate_series(1, ${rows}) AS n`);
  await settle(client, table);
}

/** Adds what the hand-written loop needs to find its next rows: an indexed column. Not part of what is measured. */
export async function addMarker(client: pg.Client, table: string): Promise<void> {
  await client.query(`ALTER TABLE ${table} ADD COLUMN conditions_migrated boolean NOT NULL DEFAULT false`);
  await client.query(`CREATE INDEX ON ${table} (conditions_migrated)`);
  await settle(client, table);
}

/** Nothing that was left over from making a table is done while it is measured. */
async function settle(client: pg.Client, table: string): Promise<void> {
  await client.query(`VACUUM (ANALYZE, FREEZE) ${table}`);
  await client.query('CHECKPOINT');
}
