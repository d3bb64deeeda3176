import { afterAll, beforeAll, expect, it } from 'vitest';
import { alterTables } from '../../../functions/engine/alter/alter-tables.ts';
import { backfill } from '../../../functions/engine/batch/backfill.ts';
import { rewrite } from '../../../functions/engine/batch/rewrite.ts';
import { sql } from '../../../functions/engine/database/sql.ts';
import { describeTable, markerComment } from '../../../functions/engine/database/table.ts';
import { MigrationFailed } from '../../../functions/engine/errors.ts';
import { verify } from '../../../functions/engine/trial/verify.ts';
import { startEngine, type TestEngine } from '../../support/engine.ts';
import { everythingIn } from '../../support/everything.ts';
import { rowsOf } from '../../support/opened.ts';

let engine: TestEngine;

// What is hard to copy: an identity, a generated column, a check that old rows do not meet, a unique that may wait, an enum,
// a dropped column, a column without an equality, a trigger, a foreign key, a name that has to be quoted.
beforeAll(async () => {
  engine = await startEngine();
  await engine.database.query(`
    CREATE SCHEMA shop;
    CREATE TYPE shop.size AS ENUM ('small', 'large');
    CREATE TABLE shop.customers (id integer PRIMARY KEY);
    INSERT INTO shop.customers SELECT n FROM generate_series(1, 50) AS n;
    CREATE TABLE shop."Orders" (
      gone text,
      region text NOT NULL, id bigint GENERATED ALWAYS AS IDENTITY, customer integer REFERENCES shop.customers,
      size shop.size NOT NULL DEFAULT 'small', price integer, total integer, gross integer GENERATED ALWAYS AS (price * 2) STORED,
      note json, done boolean NOT NULL DEFAULT true,
      serial integer UNIQUE DEFERRABLE INITIALLY DEFERRED,
      PRIMARY KEY (region, id)
    );
    ALTER TABLE shop."Orders" DROP COLUMN gone;
    CREATE FUNCTION shop.never() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'this table is not changed'; END $$;
    INSERT INTO shop."Orders" (region, customer, price, total, note, serial)
    SELECT CASE n % 2 WHEN 0 THEN 'north' ELSE 'south' END, 1 + n % 50, n, CASE WHEN n <= 40 THEN n END, '{"a":  1}', n
    FROM generate_series(1, 100) AS n;
    ALTER TABLE shop."Orders" ADD CONSTRAINT late CHECK (serial > 3) NOT VALID;
    COMMENT ON COLUMN shop."Orders".done IS '${markerComment('doubled')}';
    CREATE TRIGGER never BEFORE UPDATE ON shop."Orders" FOR EACH ROW EXECUTE FUNCTION shop.never()`);
});
afterAll(() => engine.stop());

const orders = { table: 'shop.Orders', key: ['region', 'id'] };
const totals = backfill({
  name: 'totals',
  ...orders,
  where: sql`"Orders".total IS NULL`,
  set: { total: sql`"Orders".price` },
});

it('A migration that may run again leaves everything as its first run left it, and its table as it was', async () => {
  const before = await everythingIn(engine.database);
  expect(await verify(engine.dataApi(), totals)).toEqual({
    rows_updated: 60,
    runs: 3,
    final_state: 'unchanged',
  });
  expect(await verify(engine.dataApi(), totals, { runs: 2, rows: 'all' })).toMatchObject({
    rows_updated: 60,
  });
  expect(await verify(engine.dataApi(), totals, { rows: 25 }), 'rows in need come first').toMatchObject({
    rows_updated: 25,
  });
  expect(await everythingIn(engine.database)).toEqual(before);
});

it('A change that adds up is found out, and shown by its rows', async () => {
  const added = backfill({
    name: 'added',
    ...orders,
    where: sql`price BETWEEN 99 AND 100 OR price = 102`,
    set: { price: sql`price + 2` },
  });
  // Of 100, what it becomes matches "where" as well.
  expect(await verify(engine.dataApi(), added, { runs: 3 })).toEqual({
    rows_updated: 1,
    runs: 3,
    final_state: 'unchanged',
    errors: 1,
  });
  const always = backfill({ name: 'always', ...orders, immutableKey: true, set: { price: sql`price + 1` } });
  const { rows_updated, final_state, differences } = await verify(engine.dataApi(), always, { runs: 3 });
  expect({ rows_updated, final_state }).toEqual({ rows_updated: 97, final_state: 'changed' });
  expect(differences).toHaveLength(10);
  const { changes } = (differences ?? [])[0] ?? {};
  const [once, twice] = changes?.price ?? [];
  expect(Number(twice)).toBe(Number(once) + 1);
});

it('A marker does not hide that a second run would change the rows again', async () => {
  const doubled = rewrite<{ price: number }>({
    name: 'doubled',
    ...orders,
    columns: ['price'],
    marker: 'done', // and all of them are
    transform: ({ price }) => ({ price: price * 2 }),
    onInvalid: 'restore',
  });
  expect((await describeTable(engine.dataApi(), rowsOf(doubled))).marker, 'the table has it').toBeDefined();
  const verified = await verify(engine.dataApi(), doubled, { runs: 2 });
  expect(verified).toMatchObject({ rows_updated: 97, final_state: 'changed', errors: 3 });
  expect(verified.differences).toHaveLength(10);
});

it('Rows that fail stay as they are, each time', async () => {
  const failing = backfill({
    name: 'failing',
    ...orders,
    where: sql`total IS NULL`,
    set: { total: sql`CASE WHEN price <> 77 THEN price END` },
  });
  expect(await verify(engine.dataApi(), failing, { runs: 2 })).toEqual({
    rows_updated: 59,
    runs: 2,
    final_state: 'unchanged',
    errors: 1,
  });
});

it('A partitioned table is copied as a whole', async () => {
  await engine.database.query(`
    CREATE TABLE visits (id integer PRIMARY KEY, page text) PARTITION BY RANGE (id);
    CREATE TABLE visits_1 PARTITION OF visits FOR VALUES FROM (1) TO (6);
    CREATE TABLE visits_2 PARTITION OF visits FOR VALUES FROM (6) TO (11);
    INSERT INTO visits SELECT n, '/' || n FROM generate_series(1, 10) AS n`);
  const pages = {
    name: 'pages',
    table: 'visits',
    key: 'id',
    immutableKey: true,
    set: { page: sql`lower(page)` },
  };
  expect(await verify(engine.dataApi(), backfill(pages))).toMatchObject({ rows_updated: 10, runs: 3 });
});

it('A migration of tables, or a wrong number, is refused in words', async () => {
  const tables = alterTables({
    name: 'tables',
    tables: sql`SELECT 'public' AS schema, 'orders' AS name, false AS lacks`,
    alter: (table) => sql`ALTER TABLE ${table} ADD COLUMN IF NOT EXISTS note text`,
  });
  await expect(verify(engine.dataApi(), tables)).rejects.toThrow(MigrationFailed);
  await expect(verify(engine.dataApi(), tables)).rejects.toThrow(
    /"tables" changes tables.*no rows to compare/,
  );
  await expect(verify(engine.dataApi(), totals, { runs: 1 })).rejects.toThrow(/runs: got 1, allowed/);
  await expect(verify(engine.dataApi(), totals, { rows: 0 })).rejects.toThrow(/rows: got 0, allowed/);
});

it('A transform that adds up text as if it were numbers is refused, and one that computes with numbers is not', async () => {
  await engine.database.query(`
    CREATE TABLE shop.sums (id bigint PRIMARY KEY, net numeric NOT NULL, tax numeric, gross numeric, note jsonb, seen integer);
    INSERT INTO shop.sums (id, net, tax) VALUES (1, 1.50, 0.30), (2, 100, 20), (3, 7, NULL)`);
  // As if their author thought that numeric came as a number.
  const sums = (transform: (row: Sum) => Partial<Sum> | Promise<Partial<Sum>>) =>
    rewrite<Sum>({
      name: 'sums',
      table: 'shop.sums',
      key: 'id',
      columns: ['net', 'tax', 'gross', 'note'],
      where: sql`gross IS NULL`,
      transform,
    });
  const refusal =
    'migration "sums", transform: it takes text for a number. Of id (bigint) "2", net (numeric) "100", tax (numeric) "20" it made "10020", ' +
    'where the number would have become 120: bigint and numeric come as text.';
  const wrong = [
    sums(({ net, tax }) => ({ gross: net + tax })),
    sums(async ({ net, tax }) => ({ gross: 0, note: { parts: [{ sum: net + tax }] } })),
  ];
  for (const migration of wrong) {
    await expect(verify(engine.dataApi(), migration)).rejects.toThrow(refusal);
  }
  const right = [
    sums(({ net, tax }) => ({ gross: Number(net) + Number(tax) })),
    sums(({ net }) => ({ gross: net, note: `${net} EUR` })),
    sums(({ net }) => ({ gross: net * 2 })),
    sums(({ net, tax }) => {
      if (typeof net === 'number') {
        throw new TypeError('not text');
      }
      return { gross: net, note: { exact: `${net}${tax}` } };
    }),
  ];
  for (const migration of right) {
    expect(await verify(engine.dataApi(), migration)).toMatchObject({
      rows_updated: 3,
      final_state: 'unchanged',
    });
  }
  await engine.database.query('DROP TABLE shop.sums');
});

interface Sum {
  readonly net: number;
  readonly tax: number;
  readonly gross: number;
  readonly note: unknown;
}
