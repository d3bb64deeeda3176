import { afterAll, beforeAll, expect, it } from 'vitest';
import { backfill } from '../../../functions/engine/batch/backfill.ts';
import { sql } from '../../../functions/engine/database/sql.ts';
import { startEngine, type TestEngine } from '../../support/engine.ts';

let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine({ sleeps: 0.05 });
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
