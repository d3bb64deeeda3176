import { afterAll, beforeAll, expect, it } from 'vitest';
import { backfill } from '../../../functions/engine/batch/backfill.ts';
import { rewrite } from '../../../functions/engine/batch/rewrite.ts';
import { sql } from '../../../functions/engine/database/sql.ts';
import type { Migration } from '../../../functions/engine/define/migration.ts';
import { startEngine, type TestEngine } from '../../support/engine.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
  await engine.database.query(`
    CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN IF NEW.id % 100 = 0 THEN RETURN NULL; END IF; RETURN NEW; END $$`);
});
afterAll(() => engine.stop());

const base = { table: 'items', key: 'id', immutableKey: true, pace: { maxRows: 70 } };
const where = sql`state = 'old'`;
const kinds: Readonly<Record<string, Migration>> = {
  'a backfill': backfill({ ...base, name: 'items', where, set: { state: sql`'new'` } }),
  'a backfill of all rows': backfill({ ...base, name: 'items', set: { state: sql`'new'` } }),
  'a backfill with a marker': backfill({
    ...base,
    name: 'items',
    marker: 'done',
    set: { state: sql`'new'` },
  }),
  'a backfill with a journal': backfill({
    ...base,
    name: 'items',
    where,
    onInvalid: 'restore',
    set: { state: sql`'new'` },
  }),
  'a rewrite': rewrite({
    ...base,
    name: 'items',
    where,
    columns: ['state'],
    transform: () => ({ state: 'new' }),
  }),
};
const tables = {
  'a table': 'CREATE TABLE items (id integer PRIMARY KEY, state text)',
  'a partitioned table': `
    CREATE TABLE items (id integer PRIMARY KEY, state text) PARTITION BY RANGE (id);
    CREATE TABLE items_low PARTITION OF items FOR VALUES FROM (0) TO (500);
    CREATE TABLE items_high PARTITION OF items FOR VALUES FROM (500) TO (5000)`,
};

it.each(
  Object.entries(tables).flatMap(([which, create]) =>
    Object.keys(kinds)
      .filter((kind) => !(which.includes('partitioned') && kind.includes('marker'))) // which it cannot have
      .map((kind) => [kind, which, create] as const),
  ),
)('promise 6: %s reports the rows of %s that a trigger keeps as they were', async (kind, _, create) => {
  await engine.reset();
  await engine.database.query('DROP TABLE IF EXISTS items');
  await engine.database.query(create);
  await engine.database.query(`INSERT INTO items SELECT n, 'old' FROM generate_series(1, 1000) AS n`);
  await engine.database.query(
    'CREATE TRIGGER keep BEFORE UPDATE ON items FOR EACH ROW EXECUTE FUNCTION keep()',
  );
  const result = await engine.run([kinds[kind] as Migration]);
  expect(result.items).toMatchObject({ total_processed: 1000, total_updated: 990, errors: 10 });
  expect(await engine.database.query(`SELECT count(*)::int AS rows FROM items WHERE state = 'old'`)).toEqual([
    { rows: 10 },
  ]);
  const errors = await engine.ledger<{ key: string[]; reason: string }>('row_errors');
  expect(errors.map(({ key }) => Number(key[0])).sort((a, b) => a - b)).toEqual(
    Array.from({ length: 10 }, (_unused, i) => (i + 1) * 100),
  );
  expect(new Set(errors.map(({ reason }) => reason))).toEqual(
    new Set([
      'the row stayed as it was although nobody else changed it: a trigger may have refused the change',
    ]),
  );
});

it('promise 6: rows that a trigger skips because nothing in them would change are no errors', async () => {
  await engine.reset();
  await engine.database.query('DROP TABLE IF EXISTS items');
  await engine.database.query('CREATE TABLE items (id integer PRIMARY KEY, state varchar(9))');
  await engine.database.query(
    `INSERT INTO items SELECT n, CASE WHEN n > 100 THEN 'new' END FROM generate_series(1, 300) AS n`,
  );
  await engine.database.query(
    'CREATE TRIGGER skip BEFORE UPDATE ON items FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()',
  );
  const result = await engine.run([backfill({ ...base, name: 'items', set: { state: sql`'new'` } })]);
  expect(result.items).toMatchObject({ total_processed: 300, total_updated: 100, errors: 0 });
});
