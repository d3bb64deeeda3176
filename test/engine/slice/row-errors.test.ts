import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { backfill } from '../../../functions/engine/batch/backfill.ts';
import { rewrite } from '../../../functions/engine/batch/rewrite.ts';
import { sql } from '../../../functions/engine/database/sql.ts';
import type { Migration } from '../../../functions/engine/define/migration.ts';
import { ledgerScript } from '../../../functions/engine/ledger/schema.ts';
import { startEngine, type TestEngine } from '../../support/engine.ts';
import { rowsOf } from '../../support/opened.ts';

let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine({ transactionIdleSeconds: 0.1 });
  await engine.database.query(ledgerScript());
});
afterAll(() => engine.stop());
beforeEach(async () => {
  await engine.forget();
  await engine.database.query('DROP TABLE IF EXISTS orders');
  await engine.database.query(`CREATE TABLE orders (
    id integer PRIMARY KEY, price text, cents integer CHECK (cents < 1000000), note jsonb)`);
});

const rows = 200;
const fill = () =>
  engine.database.query(
    `INSERT INTO orders (id, price) SELECT n, n || '.50' FROM generate_series(1, ${rows}) AS n`,
  );
const poison = (ids: readonly number[], set: string) =>
  engine.database.query(`UPDATE orders SET ${set} WHERE id = ANY ($1)`, [[...ids]]);

const pace = { maxRows: 50 };
const cents = (options: { errorBudget?: number } = {}) =>
  backfill({
    name: 'cents',
    table: 'orders',
    key: 'id',
    where: sql`cents IS NULL`,
    set: { cents: sql`(price::numeric * 100)::integer` },
    pace,
    ...options,
  });
const centsInTypeScript = (options: { errorBudget?: number } = {}) =>
  rewrite<{ price: string; cents: number | null }>({
    name: 'cents',
    table: 'orders',
    key: 'id',
    columns: ['price', 'cents'],
    where: sql`cents IS NULL`,
    transform: ({ price }) => {
      if (!/^\d+\.\d+$/.test(price)) {
        throw new RangeError(`"${price}" is no price`);
      }
      return { cents: Math.round(Number(price) * 100) };
    },
    pace,
    ...options,
  });

interface Line {
  readonly key: unknown;
  readonly reason: string;
  readonly sqlstate: string | null;
  readonly run: string;
}
const recorded = () => engine.ledger<Line>('row_errors');
const keysOf = (lines: readonly Line[]) =>
  lines.map(({ key }) => Number((key as string[])[0])).sort((a, b) => a - b);
const migrated = async () =>
  (
    await engine.database.query<{ id: number }>(
      'SELECT id FROM orders WHERE cents = id * 100 + 50 ORDER BY id',
    )
  ).map(({ id }) => id);
const allBut = (bad: readonly number[]) =>
  Array.from({ length: rows }, (_, i) => i + 1).filter((id) => !bad.includes(id));

const densities: Record<string, readonly number[]> = {
  'the first row': [1],
  'the last row': [rows],
  'adjacent rows': [49, 50, 51, 52],
  'the edges of pages': [50, 51, 100, 101, 150, 151],
  'every tenth row': Array.from({ length: 20 }, (_, i) => (i + 1) * 10),
};
const kinds: Record<string, (options?: { errorBudget?: number }) => Migration> = {
  backfill: cents,
  rewrite: centsInTypeScript,
};

describe.each(Object.entries(kinds))('Promise 6, a %s', (kind, make) => {
  it.each(Object.entries(densities))('migrates all but %s, and records those', async (_, bad) => {
    await fill();
    await poison(bad, "price = 'much'");
    const result = await engine.run([make()]);
    expect(result.cents).toMatchObject({
      total_processed: rows,
      total_updated: rows - bad.length,
      errors: bad.length,
      error_samples: expect.arrayContaining([
        kind === 'backfill'
          ? {
              key: `${bad[0]}`,
              reason: expect.stringContaining('invalid input syntax for type numeric: "much"'),
              sqlstate: '22P02',
            }
          : { key: `${bad[0]}`, reason: '"much" is no price', sqlstate: null },
      ]),
    });
    expect(await migrated()).toEqual(allBut(bad));
    expect(keysOf(await recorded())).toEqual(bad);
    expect(await engine.run([make()]), 'asked again').toEqual({ cents: 'skipped' });
  });

  it('fails when every row is bad, naming the budget, the first row and what to do', async () => {
    await fill();
    await poison(allBut([]), "price = 'much'");
    await expect(engine.run([make({ errorBudget: 5 })])).rejects.toMatchObject({
      name: 'ErrorBudgetSpent',
      message: expect.stringMatching(
        /migration "cents", batch .* rows could not be migrated, its errorBudget is 5\. One of them: key \(1\): .*much.* start the machine again/,
      ),
    });
    expect((await recorded()).length).toBeGreaterThan(5);
  });

  it('allows as many bad rows as its budget says', async () => {
    await fill();
    await poison([3, 30, 130], "price = 'much'");
    expect((await engine.run([make({ errorBudget: 3 })])).cents).toMatchObject({ errors: 3 });
  });

  it('tries the rows again when a run that spent its budget is started again, and strikes out what is cured', async () => {
    await fill();
    const bad = [1, 2, 60, 61, 199];
    await poison(bad, "price = 'much'");
    await expect(engine.run([make({ errorBudget: 2 })])).rejects.toMatchObject({ name: 'ErrorBudgetSpent' });
    await poison([1, 60, 61], "price = id || '.50'");
    const result = await engine.run([make({ errorBudget: 2 })]);
    expect(result.cents).toMatchObject({ errors: 2, total_updated: rows - 2 });
    expect(await migrated()).toEqual(allBut([2, 199]));
    expect(keysOf(await recorded())).toEqual([2, 199]);
  });

  it('tries recorded rows again when new ones make a finished migration pending', async () => {
    await fill();
    await poison([7, 8], "price = 'much'");
    await engine.run([make()]);
    await poison([7], "price = '7.50'");
    expect(await engine.run([make()])).toEqual({ cents: 'skipped' });
    await engine.database.query(`INSERT INTO orders (id, price) VALUES (${rows + 1}, '${rows + 1}.50')`);
    expect((await engine.run([make()])).cents).toMatchObject({ total_updated: 2, errors: 1 });
    expect(keysOf(await recorded())).toEqual([8]);
  });

  it('counts row errors exactly when answers get lost', async () => {
    await fill();
    await poison([5, 6, 120], "price = 'much'");
    engine.between = ({ sql: text, number }) =>
      /"?recorded"? AS/.test(text) && number % 2 === 0 ? 'lose-answer' : 'pass';
    const result = await engine.run([make({ errorBudget: 3 })]);
    expect(result.cents).toMatchObject({ errors: 3, error_samples: [{}, {}, {}], total_updated: rows - 3 });
    engine.between = ({ sql: text }) => (/"?recorded"? AS/.test(text) ? 'lose-answer' : 'pass');
  });

  it('spends its budget also when every answer about a bad row gets lost', async () => {
    await fill();
    await poison([5, 6, 120], "price = 'much'");
    let seen = '';
    engine.between = ({ sql: text, body }) => {
      if (!text.includes('"recorded#" AS') || body === seen) {
        return 'pass';
      }
      seen = body;
      return 'lose-answer';
    };
    await expect(engine.run([make({ errorBudget: 2 })])).rejects.toMatchObject({ name: 'ErrorBudgetSpent' });
  });
});

describe('Promise 6: a bad row is known', () => {
  it('by a constraint, with its SQLSTATE', async () => {
    await fill();
    await poison([10], "price = '20000'");
    await engine.run([cents()]);
    expect(await recorded()).toMatchObject([
      { key: ['10'], sqlstate: '23514', reason: expect.stringContaining('orders_cents_check') },
    ]);
  });

  it('by a constraint of a rewritten value too', async () => {
    await fill();
    await poison([10, 11], "price = '20000.00'");
    await engine.run([centsInTypeScript()]);
    expect(await recorded()).toMatchObject([{ sqlstate: '23514' }, { sqlstate: '23514' }]);
    expect(await migrated()).toEqual(allBut([10, 11]));
  });

  it('by a constraint that is only checked at the commit', async () => {
    await fill();
    await engine.database.query('DROP TABLE IF EXISTS amounts');
    await engine.database.query('CREATE TABLE amounts (cents integer PRIMARY KEY)');
    await engine.database.query(
      `INSERT INTO amounts SELECT n * 100 + 50 FROM generate_series(1, ${rows}) AS n WHERE n <> 77`,
    );
    await engine.database.query(
      'ALTER TABLE orders ADD FOREIGN KEY (cents) REFERENCES amounts DEFERRABLE INITIALLY DEFERRED',
    );
    for (const make of [cents, centsInTypeScript]) {
      await engine.forget();
      await engine.database.query('UPDATE orders SET cents = NULL');
      await engine.run([make()]);
      expect(await recorded()).toMatchObject([{ key: ['77'], sqlstate: '23503' }]);
    }
  });

  it.each(['P0001', 'AP001', '99999'])('by what a trigger raises with SQLSTATE %s', async (sqlstate) => {
    await fill();
    await engine.database.query(`CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.id = 150 THEN RAISE EXCEPTION 'order % is closed', NEW.id USING ERRCODE = '${sqlstate}'; END IF;
        RETURN NEW; END $$`);
    await engine.database.query(
      'CREATE TRIGGER refuse BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION refuse()',
    );
    await engine.run([cents()]);
    expect(await recorded()).toMatchObject([
      { key: ['150'], sqlstate, reason: expect.stringContaining('order 150 is closed') },
    ]);
    expect(await migrated()).toEqual(allBut([150]));
  });

  it('until its budget is spent, where a trigger with an SQLSTATE of its own refuses all of them', async () => {
    await fill();
    await engine.database.query(`CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN RAISE EXCEPTION 'order % is closed', NEW.id USING ERRCODE = 'AP001'; END $$`);
    await engine.database.query(
      'CREATE TRIGGER refuse BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION refuse()',
    );
    for (const make of [cents, centsInTypeScript]) {
      await engine.forget();
      await expect(engine.run([make({ errorBudget: 5 })])).rejects.toMatchObject({
        name: 'ErrorBudgetSpent',
        message: expect.stringContaining('order 1 is closed; SQLState: AP001'),
      });
    }
  });

  it('by a trigger that silently refuses the change of a rewrite', async () => {
    await fill();
    await engine.database.query(`CREATE OR REPLACE FUNCTION suppress() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN IF NEW.id IN (20, 150) THEN RETURN NULL; END IF; RETURN NEW; END $$`);
    await engine.database.query(
      'CREATE TRIGGER suppress BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION suppress()',
    );
    const result = await engine.run([centsInTypeScript()]);
    expect(result.cents).toMatchObject({ errors: 2, total_updated: rows - 2 });
    expect(await recorded()).toMatchObject([
      { key: ['150'], reason: expect.stringContaining('a trigger may have refused the change') },
      { key: ['20'] },
    ]);
  });

  it('when its condition cannot even be asked, without stopping this run or the next', async () => {
    await fill();
    await poison([4, 5, 90], "price = 'much'");
    const asking = (name: string) => ({
      name,
      table: 'orders',
      key: 'id',
      where: sql`cents IS NULL AND price::numeric > 0`,
      pace,
    });
    for (const migration of [
      backfill({ ...asking('backfill'), set: { cents: sql`(price::numeric * 100)::integer` } }),
      rewrite({
        ...asking('rewrite'),
        columns: ['price', 'cents'],
        transform: ({ price }) => ({ cents: Math.round(price * 100) }),
      }),
    ]) {
      await engine.forget();
      await engine.database.query('UPDATE orders SET cents = NULL');
      const result = await engine.run([migration]);
      expect(result[migration.name]).toMatchObject({ errors: 3, total_updated: rows - 3 });
      expect(keysOf(await recorded())).toEqual([4, 5, 90]);
      expect(await engine.run([migration])).toEqual({ [migration.name]: 'skipped' });

      await engine.database.query(`INSERT INTO orders VALUES (${rows + 1}, 'more')`);
      expect((await engine.run([migration]))[migration.name]).toMatchObject({ errors: 4 });
      await engine.database.query(`DELETE FROM orders WHERE id > ${rows}`);
    }
  });

  it('when JSON holds a number that JavaScript cannot', async () => {
    await fill();
    await poison([1], `note = '{"n": 12345678901234567890}'`);
    await poison([2], `note = '{"n": 1234567890123456}'`);
    await poison([3], `note = '{"n": 0.1234567890123456789}'`);
    await engine.run([
      rewrite({
        name: 'notes',
        table: 'orders',
        key: 'id',
        columns: ['note'],
        where: sql`note ? 'n'`,
        transform: ({ note }) => ({ note: { m: note.n } }),
      }),
    ]);
    expect(await recorded()).toMatchObject([
      { key: ['1'], reason: expect.stringContaining('note contains the number 12345678901234567890') },
      { key: ['3'] },
    ]);
    expect(
      await engine.database.query('SELECT note::text FROM orders WHERE id IN (1, 2) ORDER BY id'),
    ).toEqual([{ note: '{"n": 12345678901234567890}' }, { note: '{"m": 1234567890123456}' }]);
  });

  it('when its new text or JSON is none that PostgreSQL holds', async () => {
    await fill();
    const values: Record<number, string> = { 5: 'a\0b', 6: '\ud800' };
    await engine.run([
      rewrite({
        name: 'notes',
        table: 'orders',
        key: 'id',
        columns: ['price', 'note'],
        where: sql`note IS NULL`,
        transform: ({ id }) => ({ price: values[id] ?? 'ok', note: {} }),
      }),
    ]);
    expect(await recorded()).toMatchObject([
      { key: ['5'], sqlstate: '22P05' },
      { key: ['6'], sqlstate: expect.stringMatching(/^22/) },
    ]);
  });

  it('when the transform sets a column to undefined, or gives bytes of another type', async () => {
    await engine.database.query('ALTER TABLE orders ADD COLUMN bytes bytea');
    await fill();
    await engine.run([
      rewrite({
        name: 'notes',
        table: 'orders',
        key: 'id',
        columns: ['note', 'bytes'],
        where: sql`note IS NULL`,
        transform: ({ id }) =>
          id === 1 ? { note: undefined } : id === 2 ? { bytes: 'text', note: 1 } : { note: 1 },
      }),
    ]);
    expect(await recorded()).toMatchObject([
      { key: ['1'], reason: 'note became undefined; leave it out, or set it to null' },
      { key: ['2'], reason: 'bytes is bytea, so its new value must be a Uint8Array, got string' },
    ]);
  });

  it('with a reason that is cut, never refused', async () => {
    await fill();
    await engine.run([
      rewrite({
        name: 'notes',
        table: 'orders',
        key: 'id',
        columns: ['note'],
        where: sql`note IS NULL AND id < 5`,
        transform: ({ id }) => {
          if (id === 1) {
            throw new Error(`${'x'.repeat(299)}😀`);
          }
          if (id === 2) {
            throw new Error('a\0b');
          }
          if (id === 3) {
            throw 'a string';
          }
          throw undefined;
        },
      }),
    ]);
    const reasons = (await recorded()).map(({ reason }) => reason);
    expect(reasons).toEqual([`${'x'.repeat(299)}\ufffd`, 'ab', 'a string', 'undefined']);
  });
});

it('walks the table of a finished migration again once its lines in the ledger are deleted, as docs/operating says', async () => {
  await fill();
  await poison([7, 70], "price = 'much'");
  expect((await engine.run([cents()])).cents).toMatchObject({ total_updated: rows - 2, errors: 2 });
  await poison([7, 70], "price = id || '.50'");
  expect(await engine.run([cents()])).toEqual({ cents: 'skipped' });
  await engine.database.query(`DELETE FROM data_migrations.row_errors WHERE migration = 'cents'`);
  await engine.database.query(`DELETE FROM data_migrations.migrations WHERE name = 'cents'`);
  expect((await engine.run([cents()])).cents).toMatchObject({ total_updated: 2, errors: 0 });
  expect(await migrated()).toEqual(allBut([]));
});

describe('Promise 2: a condition that does not let go of a migrated row', () => {
  const raised = (options: { errorBudget?: number } = {}) =>
    backfill({
      name: 'raised',
      table: 'orders',
      key: 'id',
      where: sql`id <= 3 OR cents IS NULL`,
      set: { cents: sql`COALESCE(cents, 0) + 1` },
      ...options,
    });
  const values = () =>
    engine.database.query('SELECT cents, count(*)::int AS rows FROM orders GROUP BY 1 ORDER BY 1');
  const allButThree = [
    { cents: 1, rows: rows - 3 },
    { cents: null, rows: 3 },
  ];

  it('leaves the row as it was, records it, and says so', async () => {
    await fill();
    expect((await engine.run([raised()])).raised).toMatchObject({ total_updated: rows - 3, errors: 3 });
    expect(await values()).toEqual(allButThree);
    expect((await recorded()).map(({ reason }) => reason)).toEqual(
      Array(3).fill('it still matches "where" after its change'),
    );
    expect(await engine.run([raised()])).toEqual({ raised: 'skipped' });
    expect(await values()).toEqual(allButThree);
  });

  it('does the same for a rewrite', async () => {
    await fill();
    const rewritten = rewrite<{ cents: number | null }>({
      name: 'raised',
      table: 'orders',
      key: 'id',
      columns: ['cents'],
      where: sql`id <= 3 OR cents IS NULL`,
      transform: ({ cents }) => ({ cents: (cents ?? 0) + 1 }),
    });
    expect((await engine.run([rewritten])).raised).toMatchObject({ total_updated: rows - 3, errors: 3 });
    expect(await values()).toEqual(allButThree);
  });

  it('fails early when it lets go of none', async () => {
    await fill();
    const never = backfill({
      ...rowsOf(raised()),
      where: sql`true`,
      set: { cents: sql`COALESCE(cents, 0) + 1` },
      errorBudget: 5,
    });
    await expect(engine.run([never])).rejects.toMatchObject({
      name: 'ErrorBudgetSpent',
      message: expect.stringContaining('it still matches "where" after its change'),
    });
    expect(await values()).toEqual([{ cents: null, rows }]);
  });
});

it('a slice that ends with a long rest leaves what it has learnt of the pace to the next one', async () => {
  await fill();
  const resting = backfill({
    name: 'resting',
    table: 'orders',
    key: 'id',
    where: sql`cents IS NULL`,
    set: { cents: sql`1` },
    pace: { restSeconds: 5 },
  });
  expect((await engine.run([resting])).resting).toMatchObject({ total_updated: rows });
  const [ledger] = await engine.ledger<{ batches: string; seconds_per_row: number | null }>('migrations');
  // 100 rows first; then all the others, as fast as these were.
  expect(ledger).toMatchObject({ batches: '2', seconds_per_row: expect.any(Number) });
});
