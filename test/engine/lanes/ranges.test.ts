import { afterAll, beforeAll, expect, it } from 'vitest';
import { backfill } from '../../../functions/engine/batch/backfill.ts';
import { sql } from '../../../functions/engine/database/sql.ts';
import { startEngine, type TestEngine } from '../../support/engine.ts';
import { planOf } from '../../support/plan-of.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.stop());

it('Ranges are cut by one look at each sampled key, however many lanes there are to be', async () => {
  await engine.database.query(
    `CREATE TABLE rows AS SELECT n AS id, 0 AS changed FROM generate_series(1, 8000) AS n`,
  );
  await engine.database.query('ALTER TABLE rows ADD PRIMARY KEY (id)');
  await engine.database.query('VACUUM ANALYZE rows');
  let plan = '';
  engine.between = async (call) => {
    if (call.sql.includes('TABLESAMPLE')) {
      plan = await planOf(engine, call);
    }
    return undefined;
  };
  const probe = backfill({
    name: 'probe',
    table: 'rows',
    key: 'id',
    immutableKey: true,
    set: { changed: sql`changed + 1` },
    lanes: 16,
    pace: { maxRows: 100 },
  });
  expect((await engine.run([probe])).probe).toMatchObject({ total_updated: 8_000 });
  const changed = await engine.database.query<{ changed: number; rows: number }>(
    'SELECT changed, count(*)::int AS rows FROM rows GROUP BY 1',
  );
  expect(changed).toEqual([{ changed: 1, rows: 8_000 }]);
  // Thirty thousand keys times five hundred ends would be seconds, in the middle of a run.
  expect(plan).toContain('CTE sample#');
  expect(plan).not.toContain('Join Filter');
});
