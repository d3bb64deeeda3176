import { afterAll, beforeAll, expect, it } from 'vitest';
import { backfill } from '../../../functions/engine/batch/backfill.ts';
import { sql } from '../../../functions/engine/database/sql.ts';
import { startEngine, type TestEngine } from '../../support/engine.ts';

const limit = 0.25;
let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine({ statementTimeoutSeconds: limit });
});
afterAll(() => engine.stop());

it('promise 16: a row that always takes longer than a statement may is recorded like any other bad row', async () => {
  await engine.database.query('CREATE TABLE items (id integer PRIMARY KEY, n integer NOT NULL DEFAULT 0)');
  await engine.database.query('INSERT INTO items SELECT n FROM generate_series(1, 60) AS n');
  await engine.database.query(`
    CREATE FUNCTION slow(id integer) RETURNS integer LANGUAGE plpgsql AS $$
    BEGIN IF id = 23 THEN PERFORM pg_sleep(${limit * 3}); END IF; RETURN 1; END $$`);
  const migration = backfill({
    name: 'items',
    table: 'items',
    key: 'id',
    immutableKey: true,
    set: { n: sql`n + slow(id)` },
  });
  // Slices of a second or two: the row must be found although each slice begins without what the one before knew.
  const result = await engine.run([migration], { milliseconds: limit * 6 * 1_000 });
  expect(result.items).toMatchObject({ total_processed: 60, total_updated: 59, errors: 1 });
  expect(result.items).toMatchObject({
    error_samples: [{ key: '23', reason: expect.stringMatching(/statement timeout|StatementTimeout/) }],
  });
  expect(
    await engine.database.query('SELECT n, count(*)::int AS rows FROM items GROUP BY 1 ORDER BY 1'),
  ).toEqual([
    { n: 0, rows: 1 },
    { n: 1, rows: 59 },
  ]);
});

it('promise 16: a row error that cannot be recorded ends the run, naming the key and why', async () => {
  await engine.database.query('CREATE TABLE texts (id text PRIMARY KEY, n integer CHECK (n < 5))');
  // An index takes 2,704 bytes; one on jsonb needs a little more than one on text.
  await engine.database.query(
    `INSERT INTO texts SELECT string_agg(md5(n::text), '') FROM generate_series(1, 84) AS n`,
  );
  const migration = backfill({
    name: 'texts',
    table: 'texts',
    key: 'id',
    immutableKey: true,
    set: { n: sql`9` },
  });
  await expect(engine.run([migration])).rejects.toMatchObject({
    name: 'MigrationFailed',
    message: expect.stringMatching(/migration "texts".*index row size/s),
  });
});
