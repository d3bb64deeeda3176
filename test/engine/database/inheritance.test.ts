import { afterAll, beforeAll, expect, it } from 'vitest';
import { backfill } from '../../../functions/engine/batch/backfill.ts';
import { sql } from '../../../functions/engine/database/sql.ts';
import { startEngine, type TestEngine } from '../../support/engine.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.stop());

it('A table that others inherit from is refused, since its key is not unique over them; each of them can be migrated', async () => {
  await engine.database.query('CREATE TABLE parents (id integer PRIMARY KEY, n integer NOT NULL DEFAULT 0)');
  await engine.database.query('CREATE TABLE children (PRIMARY KEY (id)) INHERITS (parents)');
  await engine.database.query('INSERT INTO parents SELECT n FROM generate_series(1, 5) AS n');
  await engine.database.query('INSERT INTO children SELECT n FROM generate_series(1, 5) AS n');
  const adds = (table: string) =>
    backfill({ name: table, table, key: 'id', immutableKey: true, set: { n: sql`n + 1` } });
  await expect(engine.run([adds('parents')])).rejects.toMatchObject({
    name: 'MigrationFailed',
    message: expect.stringMatching(
      /table parents: other tables inherit from it.*Migrate each of these tables/s,
    ),
  });
  expect(await engine.database.query('SELECT DISTINCT n FROM parents')).toEqual([{ n: 0 }]);
  expect((await engine.run([adds('children')])).children).toMatchObject({ total_updated: 5 });
});
