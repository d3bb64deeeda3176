import { afterAll, beforeAll, expect, it } from 'vitest';
import { alterTables } from '../../../functions/engine/alter/alter-tables.ts';
import { backfill } from '../../../functions/engine/batch/backfill.ts';
import { sql } from '../../../functions/engine/database/sql.ts';
import { condition } from '../../../functions/engine/define/validations.ts';
import { startEngine, type TestEngine } from '../../support/engine.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.stop());

it('each SQL of a migration may end in a comment', async () => {
  await engine.database.query('CREATE TABLE items (id integer PRIMARY KEY, n integer NOT NULL DEFAULT 0)');
  await engine.database.query('INSERT INTO items SELECT n FROM generate_series(1, 10) AS n');
  const result = await engine.run([
    backfill({
      name: 'items',
      table: 'items',
      key: 'id',
      where: sql`n = 0 -- not done yet`,
      set: { n: sql`n + 1 -- the first` },
      validate: [condition('done', sql`n > 0 -- all of them`)],
    }),
    alterTables({
      name: 'fields',
      tables: sql`
        SELECT 'public' AS schema, 'items' AS name, NOT EXISTS (
          SELECT FROM information_schema.columns WHERE table_name = 'items' AND column_name = 'field') AS lacks -- one`,
      alter: (table) => sql`ALTER TABLE ${table} ADD COLUMN field text -- new`,
    }),
  ]);
  expect(result).toMatchObject({ items: { total_updated: 10, validations: [{ passed: true }] } });
  expect(await engine.database.query('SELECT DISTINCT n, field FROM items')).toEqual([{ n: 1, field: null }]);
});
