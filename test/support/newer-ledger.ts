import { currentVersion } from '../../functions/engine/ledger/versions.ts';
import type { TestDatabase } from './database.ts';

/** What a newer release adds to the ledger of this one, without this one having to know: a table, a column of each table, and the word for it. */
const additions = [
  'version',
  'runs',
  'migrations',
  'ranges',
  'row_errors',
  'controls',
  'history',
  'rates',
].map((table) => `ALTER TABLE data_migrations.${table} ADD COLUMN colour text NOT NULL DEFAULT 'red'`);

/** Makes the ledger that there is one version newer, as a release of tomorrow might. */
export async function makeNewer(database: TestDatabase, kind: 'breaking' | 'compatible'): Promise<void> {
  const [row] = await database.query<{ version: number }>(
    'SELECT max(version) AS version FROM data_migrations.version',
  );
  const version = (row?.version ?? currentVersion) + 1;
  if (version === currentVersion + 1) {
    await database.query(additions.join('; '));
    await database.query(`
      CREATE TABLE data_migrations.colours (
        migration text PRIMARY KEY REFERENCES data_migrations.migrations (name) ON DELETE CASCADE
      )`);
  }
  await database.query(
    `INSERT INTO data_migrations.version (version, compatible) VALUES (${version}, ${kind === 'compatible'})`,
  );
}

/** All that makes up the ledger, to see whether anybody has changed it: its columns, constraints, indexes and versions. */
export async function shapeOf(database: TestDatabase): Promise<unknown> {
  return database.query(`
    SELECT 'column' AS what, format('%s.%s %s %s %s', table_name, column_name, data_type, is_nullable, column_default) AS which
    FROM information_schema.columns WHERE table_schema = 'data_migrations'
    UNION ALL SELECT 'constraint', format('%s %s', conname, pg_get_constraintdef(oid)) FROM pg_constraint
    WHERE connamespace = 'data_migrations'::regnamespace
    UNION ALL SELECT 'index', indexdef FROM pg_indexes WHERE schemaname = 'data_migrations'
    UNION ALL SELECT 'version', to_jsonb(v)::text FROM data_migrations.version v
    ORDER BY 1, 2`);
}
