import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { backfill } from '../../../functions/engine/batch/backfill.ts';
import { sql } from '../../../functions/engine/database/sql.ts';
import { isSuperuser } from '../../../functions/engine/database/superuser.ts';
import { noNulls } from '../../../functions/engine/define/validations.ts';
import { startEngine, type TestEngine } from '../../support/engine.ts';

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
