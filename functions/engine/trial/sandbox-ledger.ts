import type { Database } from '../database/data-api.ts';
import { identifier, join, sql } from '../database/sql.ts';
import { schema } from '../ledger/names.ts';
import { ledgerVersion, upgradeLedger, versions } from '../ledger/schema.ts';

// What the older ledger is called meanwhile, as only the transaction that is rolled back sees it.
const aside = `${schema}#`;

/**
 * Sees to a ledger as this code knows it, inside a transaction that will be rolled back. Where there is an older one, which
 * a run may be using, it is not upgraded, since that would lock it: it is put aside under another name, as only this
 * transaction sees it, and a new one is made with its lines. Throws MigrationFailed for one that is newer, or cannot be made.
 */
export async function ledgerInside(inside: Database): Promise<void> {
  const version = await ledgerVersion(inside);
  const older = version > 0 && version < versions.length;
  if (older) {
    await inside.query(sql`ALTER SCHEMA ${identifier(schema)} RENAME TO ${identifier(aside)}`);
  }
  await upgradeLedger(inside);
  if (!older) {
    return;
  }
  for (const table of ['migrations', 'row_errors']) {
    const rows = await inside.query(sql`
      SELECT a.attname::text AS name FROM pg_attribute a
      JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = ${aside} AND c.relname = ${table} AND a.attnum > 0 AND NOT a.attisdropped`);
    const columns = join(
      rows.map(({ name }) => identifier(String(name))),
      ', ',
    );
    await inside.query(sql`
      INSERT INTO ${identifier(schema, table)} (${columns})
      SELECT ${columns} FROM ${identifier(aside, table)}`);
  }
}
