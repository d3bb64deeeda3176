import { readFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { prepareDemo } from '../../demo/database/prepare.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
beforeEach(async () => {
  database = await freshDatabase({ name: 'demo' });
});
afterEach(() => database.drop());

const prepare = (fresh = false) => prepareDemo({ connectionString: database.url }, fresh);
const count = async (table: string) =>
  (await database.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${table}`))[0]?.n;

/** The demo as releases before the builds and the audience made it, with a ledger and a row of the user's. */
async function earlierDemo() {
  await database.query('CREATE SCHEMA data_migrations');
  await database.query('CREATE TABLE data_migrations.migrations AS SELECT 1 AS kept');
  await database.query(`CREATE SCHEMA demo`);
  await database.query(
    `COMMENT ON SCHEMA demo IS 'Demo data of serverless-data-migrations: npm start -- --fresh makes it anew'`,
  );
  const schema = await readFile(new URL('../../demo/database/schema.sql', import.meta.url), 'utf8');
  await database.query(`SET search_path = demo; ${schema}; RESET search_path`);
  await database.query(`
    INSERT INTO demo.users (first_name, last_name, email, created_at) VALUES ('Mary', 'Shaw', 'a@example.com', now())`);
}

describe('The demo’s data', () => {
  it('is the same every time: 40 audiences, 200 builds without a stage, addresses that pass any check', async () => {
    const everything = () =>
      database.query(`
        SELECT (SELECT md5(string_agg(u::text, '' ORDER BY id)) FROM demo.users u) AS users,
          (SELECT md5(string_agg(b::text, '' ORDER BY id)) FROM demo.ci_builds b) AS builds,
          (SELECT md5(string_agg(a::text, '' ORDER BY id)) FROM audience_data.app_9 a) AS audience`);
    await prepare();
    const before = await everything();
    await database.query('UPDATE demo.users SET full_name = NULL WHERE id = 20');
    await database.query('DELETE FROM audience_data.app_9');
    await prepare(true);
    expect(await everything()).toEqual(before);

    const audiences = await database.query<{ updated_at: boolean }>(`
      SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = c.oid AND attname = 'updated_at') AS updated_at
      FROM pg_class c WHERE relnamespace = 'audience_data'::regnamespace AND relkind = 'r'`);
    expect(audiences).toHaveLength(40);
    expect(audiences.filter(({ updated_at: has }) => has)).toHaveLength(5);
    expect(await count('audience_data.app_1')).toBe(4);
    expect(await count('demo.ci_builds')).toBe(50_000);
    expect(
      await count(`demo.ci_builds b WHERE NOT EXISTS (
        SELECT FROM demo.ci_stages s WHERE s.pipeline_id = b.pipeline_id AND s.name = b.stage)`),
    ).toBe(200);
    expect(await count(`demo.users WHERE email !~ '^[a-z]+[.][a-z]+[0-9]+@example[.]com$'`)).toBe(0);
  });

  it('of an earlier release is kept, and gets what has come since', async () => {
    await earlierDemo();
    await prepare();
    expect(await count('demo.users')).toBe(1);
    expect(await count('data_migrations.migrations')).toBe(1);
    expect(await count('demo.ci_builds')).toBe(50_000);
    expect(await count('audience_data.app_40')).toBe(3);
    await database.query('DELETE FROM demo.ci_builds');
    await prepare(); // with everything there
    expect(await count('demo.ci_builds')).toBe(0);
  });

  it('leaves alone what it did not make', async () => {
    await earlierDemo();
    await database.query('CREATE SCHEMA audience_data');
    await database.query('CREATE TABLE audience_data.precious AS SELECT 1 AS id');
    for (const fresh of [false, true]) {
      await expect(prepare(fresh)).rejects.toThrow(
        'the database of DATABASE_URL has a schema audience_data that the demo did not make',
      );
    }
    expect(await count('audience_data.precious')).toBe(1);
    expect(await count('demo.users')).toBe(1);
    expect(await database.query(`SELECT to_regclass('demo.ci_builds') AS made`)).toEqual([{ made: null }]);
  });
});
