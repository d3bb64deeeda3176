import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { backfill } from '../../../functions/engine/batch/backfill.ts';
import { rewrite } from '../../../functions/engine/batch/rewrite.ts';
import { sql } from '../../../functions/engine/database/sql.ts';
import { isSuperuser } from '../../../functions/engine/database/superuser.ts';
import type { Migration } from '../../../functions/engine/define/migration.ts';
import { noNulls } from '../../../functions/engine/define/validations.ts';
import { startEngine, type TestEngine } from '../../support/engine.ts';
import { untilLockWait } from '../../support/lock-waits.ts';

// Roles belong to the whole cluster, which other tests use, too.
const role = `migrations_${randomBytes(4).toString('hex')}`;
const owner = `owner_${randomBytes(4).toString('hex')}`;
let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine({ user: role });
  const page = readFileSync(new URL('../../../docs/database-role.md', import.meta.url), 'utf8');
  const [, written = ''] = /```sql\n([\s\S]*?)```/.exec(page) ?? [];
  await engine.database.query(`
    CREATE ROLE ${owner};
    CREATE TABLE rows (id integer PRIMARY KEY, text text NOT NULL, value integer);
    ALTER TABLE rows OWNER TO ${owner};
    INSERT INTO rows SELECT n, n::text FROM generate_series(1, 500) AS n`);
  await engine.database.query(written.replace(/\bmigrations\b/g, role).replaceAll('table_owner', owner));
});
afterAll(async () => {
  await engine.database.query(`DROP OWNED BY ${role} CASCADE; DROP OWNED BY ${owner} CASCADE`);
  await engine.database.query(`DROP ROLE ${role}; DROP ROLE ${owner}`);
  await engine.stop();
});

it('A role made as the page says can do all that a migration of rows does, and is no superuser', async () => {
  const migration = backfill({
    name: 'values',
    table: 'rows',
    key: 'id',
    where: sql`value IS DISTINCT FROM text::integer`,
    set: { value: sql`text::integer` },
    marker: 'value_migrated',
    onInvalid: 'restore',
    validate: [noNulls('value')],
  });
  expect((await engine.run([migration])).values).toMatchObject({ total_updated: 500, errors: 0 });
  expect((await engine.run([migration], { input: { restore: 'values' } })).values).toMatchObject({
    restored: 500,
  });
  expect((await engine.run([migration])).values).toMatchObject({ total_updated: 500 });
  expect((await engine.run([migration], { input: { cleanup: 'values' } })).values).toMatchObject({
    cleaned_up: expect.arrayContaining([expect.stringContaining('value_migrated')]),
  });
  expect(await isSuperuser(engine.dataApi())).toBe(false);
  await expect(engine.dataApi().query(sql`SELECT pg_read_file('/etc/hostname')`, {})).rejects.toThrow(
    '42501',
  );
});

const base = { name: 'guarded', table: 'guarded', key: 'id', pace: { maxRows: 7 } };
const where = sql`value IS NULL`;
const set = { value: sql`id` };
const guarded: Readonly<Record<string, Migration>> = {
  'a backfill': backfill({ ...base, where, set }),
  'a backfill with a journal': backfill({ ...base, where, set, onInvalid: 'restore' }),
  'a backfill of all rows': backfill({ ...base, immutableKey: true, set }),
  'a backfill with a marker': backfill({ ...base, marker: 'done', set }),
  'a rewrite': rewrite<{ text: string; value: number | null }>({
    ...base,
    where,
    columns: ['text', 'value'],
    // Leaving a row as it is, is nothing that anybody refused.
    transform: ({ text }) => (text === '8' ? undefined : { value: Number(text) }),
  }),
};

describe('Promise 6: rows that row-level security lets the role read, but not change,', () => {
  beforeEach(async () => {
    await engine.reset();
    await engine.database.query(`
      DROP TABLE IF EXISTS guarded;
      CREATE TABLE guarded (id integer PRIMARY KEY, text text NOT NULL, value integer);
      INSERT INTO guarded SELECT n, n::text FROM generate_series(1, 20) AS n;
      ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
      CREATE POLICY read ON guarded FOR SELECT USING (true);
      CREATE POLICY change ON guarded FOR UPDATE USING (id % 2 = 0);
      ALTER TABLE guarded OWNER TO ${owner};
      ALTER TABLE guarded FORCE ROW LEVEL SECURITY`);
  });

  it.each(Object.entries(guarded))('are row errors of %s, and so in a retry', async (kind, migration) => {
    const updated = kind === 'a rewrite' ? 9 : 10;
    const result = await engine.run([migration]);
    expect(result.guarded).toMatchObject({ total_processed: 20, total_updated: updated, errors: 10 });
    const errors = () => engine.ledger<{ key: string[]; reason: string }>('row_errors');
    expect((await errors()).map(({ key }) => Number(key[0])).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 10 }, (_unused, i) => 2 * i + 1),
    );
    expect(new Set((await errors()).map(({ reason }) => reason))).toEqual(
      new Set([expect.stringContaining('row-level security lets the role')]),
    );
    await engine.database.query('ALTER POLICY change ON guarded USING (id <> 5)');
    expect((await engine.run([migration], { input: { retry: 'guarded' } })).guarded).toMatchObject({
      total_updated: updated + 9,
      errors: 1,
    });
    expect(await errors()).toMatchObject([{ key: ['5'] }]);
  });

  it('are none that somebody deletes meanwhile', async () => {
    const other = new pg.Client({ connectionString: engine.database.url });
    await other.connect();
    await other.query('BEGIN; DELETE FROM guarded WHERE id = 2');
    const running = engine.run([backfill({ ...base, where, set })]);
    await untilLockWait(engine.database);
    await other.query('COMMIT');
    await other.end();
    expect((await running).guarded).toMatchObject({ total_updated: 9, errors: 10 });
  });

  it('spend the error budget', async () => {
    const strict = backfill({ ...base, where, set, errorBudget: 5 });
    await expect(engine.run([strict])).rejects.toMatchObject({ name: 'ErrorBudgetSpent' });
  });
});

it('A superuser is known as one, and so is a member of what RDS has instead', async () => {
  const other = await startEngine();
  try {
    const database = other.dataApi();
    expect(await isSuperuser(database)).toBe(true);
    const asMember = database.transaction(async (tx) => {
      for (const statement of [
        sql`CREATE ROLE rds_superuser`,
        sql`CREATE ROLE plain_member`,
        sql`SET LOCAL ROLE plain_member`,
      ]) {
        await tx.execute(statement);
      }
      expect(await isSuperuser(tx)).toBe(false);
      await tx.execute(sql`RESET ROLE`);
      await tx.execute(sql`GRANT rds_superuser TO plain_member`);
      await tx.execute(sql`SET LOCAL ROLE plain_member`);
      expect(await isSuperuser(tx)).toBe(true);
      throw new Error('rolled back, since roles belong to the whole cluster');
    });
    await expect(asMember).rejects.toThrow('rolled back');
  } finally {
    await other.stop();
  }
});
