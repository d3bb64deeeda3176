import { randomUUID } from 'node:crypto';
import { string } from 'valibot';
import type { RunInput } from '../../contract.ts';
import type { Database } from '../database/data-api.ts';
import { identifier, join, sql } from '../database/sql.ts';
import type { Key } from '../database/table.ts';
import type { RowMigration } from '../define/registered.ts';
import { MigrationFailed } from '../errors.ts';
import { type Checkpoint, reload } from '../ledger/checkpoint.ts';
import { may } from '../ledger/life-cycle.ts';
import { ledger, schema } from '../ledger/names.ts';
import { fitOf, ledgerVersion, upgradeLedger } from '../ledger/schema.ts';

// What the older ledger is called meanwhile, as only the transaction that is rolled back sees it.
const aside = (): string => `${schema}#`;

/**
 * Sees to a ledger as this code knows it, inside a transaction that will be rolled back. Where there is an older one, which
 * a run may be using, it is not upgraded, since that would lock it: it is put aside under another name, as only this
 * transaction sees it, and a new one is made with its lines. Throws MigrationFailed for one that needs newer code, or cannot be made.
 */
export async function ledgerInside(inside: Database): Promise<void> {
  const older = fitOf(await ledgerVersion(inside)) === 'older';
  if (older) {
    await inside.execute(sql`ALTER SCHEMA ${identifier(schema)} RENAME TO ${identifier(aside())}`);
  }
  await upgradeLedger(inside);
  if (!older) {
    return;
  }
  for (const table of ['migrations', 'row_errors']) {
    const rows = await inside.query(
      sql`
      SELECT a.attname::text AS name FROM pg_attribute a
      JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = ${aside()} AND c.relname = ${table} AND a.attnum > 0 AND NOT a.attisdropped`,
      { name: string() },
    );
    const columns = join(
      rows.map(({ name }) => identifier(name)),
      ', ',
    );
    await inside.execute(sql`
      INSERT INTO ${identifier(schema, table)} (${columns})
      SELECT ${columns} FROM ${identifier(aside(), table)}`);
  }
}

/**
 * Enters a line of its own for what is tried in a sandbox, beside which a run of the same migration may be under way: where the
 * migration stands, or at the beginning. Its name has 42 characters at most: with "undo_" before it, it is still a name.
 */
export async function enterLine(
  inside: Database,
  { name }: RowMigration,
  where: 'where it stands' | 'at the beginning',
  request: RunInput = {},
): Promise<Checkpoint> {
  const line = `trial-${randomUUID()}`;
  const [entered] = await inside.query(
    sql`
    INSERT INTO ${ledger.migrations} (name, status, run, claim, pass, cursor)
    SELECT ${line}, 'running', ${line}, gen_random_uuid(), COALESCE(m.pass, 1), m.cursor
    FROM (SELECT) AS always LEFT JOIN ${ledger.migrations} m
      ON m.name = ${name} AND ${may('begin')} AND ${where === 'where it stands'}
    RETURNING claim::text AS claim`,
    { claim: string() },
  );
  const claim = {
    migration: line,
    run: line,
    claim: entered?.claim ?? '',
    slices: 0,
    renew: false,
    besides: 0,
    request,
    heldSeconds: 0,
    roundTrip: null,
  };
  const at = await reload(inside, claim);
  if (at === undefined) {
    throw new MigrationFailed(`migration "${name}": lost the ledger`);
  }
  return at;
}

/** Puts the cursor of such a line elsewhere. */
export async function startAt(inside: Database, at: Checkpoint, cursor: Key | null): Promise<Checkpoint> {
  await inside.execute(sql`
    UPDATE ${ledger.migrations} m SET cursor = ${cursor === null ? null : JSON.stringify(cursor)}::jsonb
    WHERE m.name = ${at.migration}`);
  return { ...at, cursor };
}
