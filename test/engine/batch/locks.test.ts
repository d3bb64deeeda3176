import { afterAll, beforeAll, expect, it } from 'vitest';
import { backfill } from '../../../functions/engine/batch/backfill.ts';
import { rewrite } from '../../../functions/engine/batch/rewrite.ts';
import { sql } from '../../../functions/engine/database/sql.ts';
import { upgradeLedger } from '../../../functions/engine/ledger/schema.ts';
import { startEngine, type TestEngine } from '../../support/engine.ts';

let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine({ sleeps: 0.05 });
  await upgradeLedger(engine.dataApi());
  await engine.database.query(
    'CREATE TABLE rows (id integer PRIMARY KEY, changed integer NOT NULL DEFAULT 0)',
  );
  await engine.database.query('INSERT INTO rows SELECT n FROM generate_series(1, 100) AS n');
});
afterAll(() => engine.stop());

it('A batch lets go of its rows when the application holds one for longer than 2 s, and comes back with fewer', async () => {
  const application = await engine.database.pool.connect();
  await application.query('BEGIN');
  await application.query('UPDATE rows SET changed = 0 WHERE id = 50');
  const running = engine.run([
    backfill({
      name: 'probe',
      table: 'rows',
      key: 'id',
      immutableKey: true,
      set: { changed: sql`changed + 1` },
      pace: { maxRows: 40 },
    }),
  ]);
  await expect.poll(() => engine.slept.some((seconds) => seconds > 0.1), { timeout: 10_000 }).toBe(true);
  // While it waits for its next try, nobody waits for it.
  await engine.database.query('UPDATE rows SET changed = changed WHERE id = 45');
  await application.query('COMMIT');
  application.release();

  expect((await running).probe).toMatchObject({ total_updated: 100, errors: 0 });
  const updates = engine.statements.filter((text) => text.includes('UPDATE "public"."rows"'));
  expect(updates.length).toBeGreaterThan(4); // 40 + 40 + 20 without trouble
  const changes = await engine.database.query('SELECT changed, count(*)::int AS rows FROM rows GROUP BY 1');
  expect(changes).toEqual([{ changed: 1, rows: 100 }]);
});

it('promise 14: a batch stays small where a trigger takes its time behind all that the statement sees', async () => {
  const { query } = engine.database;
  await engine.forget();
  await query('CREATE TABLE audited AS SELECT n AS id, 0 AS changed FROM generate_series(1, 1500) AS n');
  await query(`ALTER TABLE audited ADD PRIMARY KEY (id);
    CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.001); RETURN NULL; END';
    CREATE TRIGGER audit AFTER UPDATE ON audited FOR EACH ROW EXECUTE FUNCTION slow()`);
  const audited = backfill({
    name: 'audited',
    table: 'audited',
    key: 'id',
    immutableKey: true,
    set: { changed: sql`changed + 1` },
  });
  expect((await engine.run([audited])).audited).toMatchObject({ total_updated: 1_500, errors: 0 });
  const [line] = await engine.ledger<{ batches: number }>('migrations');
  // A hundred of these rows take a tenth of a second. By what the statement sees alone, the third batch would have 1,400.
  expect(Number(line?.batches)).toBeGreaterThan(8);
});

it('promise 14: what a Lambda has locked that dies in a transaction is free again after seconds, not minutes', async () => {
  const { query } = engine.database;
  await engine.forget();
  await query('CREATE TABLE others AS SELECT * FROM rows');
  await query('ALTER TABLE others ADD PRIMARY KEY (id)');
  const conflicting = rewrite<{ changed: number }>({
    name: 'conflicting',
    table: 'rows',
    key: 'id',
    immutableKey: true,
    columns: ['changed'],
    transform: ({ changed }) => ({ changed: changed + 1 }),
    transformTimeout: '0.5 seconds',
  });
  const marked = backfill({
    name: 'marked',
    table: 'others',
    key: 'id',
    marker: 'done',
    set: { changed: sql`changed + 1` },
  });
  const dies = { rows: 'UPDATE "public"."rows"', others: 'COMMENT ON COLUMN "public"."others"' };
  const dead = new Set<string>();
  engine.between = async ({ sql: text, inTransaction, process }) => {
    if (dead.size < 2 && !inTransaction && text.includes(dies.rows)) {
      await query('UPDATE rows SET changed = changed + 10 WHERE id = 50'); // so that it is read again, and locked
    }
    const table = Object.entries(dies).find(
      ([, statement]) => inTransaction && text.includes(statement),
    )?.[0];
    if (table !== undefined && !dead.has(table)) {
      dead.add(table);
      process.kill();
    }
  };
  const migrations = [conflicting, marked];
  const running = migrations.map(({ name }) => engine.run(migrations, { input: { only: name } }));
  await expect.poll(() => dead.size, { timeout: 10_000 }).toBe(2);
  const application = await engine.database.pool.connect();
  await application.query(`SET statement_timeout = '20s'`);
  await application.query('UPDATE rows SET changed = changed WHERE id = 50');
  await application.query('UPDATE others SET changed = changed WHERE id = 50');
  application.release(true);
  const [first, second] = await Promise.all(running);
  expect([first?.conflicting, second?.marked]).toMatchObject([
    { total_updated: 100 },
    { total_updated: 100 },
  ]);
});
