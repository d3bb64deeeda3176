import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { backfill } from '../../../functions/engine/batch/backfill.ts';
import { rewrite } from '../../../functions/engine/batch/rewrite.ts';
import { sql, unsafeSql } from '../../../functions/engine/database/sql.ts';
import { startEngine, type TestEngine } from '../../support/engine.ts';

const rows = 2_000;

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.stop());
beforeEach(async () => {
  await engine.reset();
  await engine.database.query('DROP TABLE IF EXISTS parcels');
  await engine.database.query(
    `CREATE TABLE parcels (id integer, depot text, note text, grams integer, changes integer NOT NULL DEFAULT 0,
       CONSTRAINT light CHECK (grams < 10000), PRIMARY KEY (depot, id))`,
  );
});

async function fill(kilograms: string): Promise<void> {
  await engine.database.query(
    `INSERT INTO parcels SELECT n, 'd' || n % 3, ${kilograms} FROM generate_series(1, ${rows}) AS n`,
  );
}

const base = { name: 'grams', table: 'parcels', key: ['depot', 'id'], errorBudget: rows } as const;
const where = sql`grams IS NULL`;

const kinds = {
  backfill: () => backfill({ ...base, where, set: { grams: sql`note::integer * 1000` } }),
  rewrite: () =>
    rewrite<{ note: string; grams: number | null }>({
      ...base,
      columns: ['note', 'grams'],
      where,
      transform: ({ note }) => ({ grams: Number(note) * 1000 }),
    }),
};

const recorded = () =>
  engine.ledger<{ key: string[]; reason: string; sqlstate: string | null }>('row_errors');

describe.each(Object.entries(kinds))('Promise 6: the bad rows of a %s', (kind, make) => {
  it('are found with few statements, however many they are', async () => {
    await fill(`CASE WHEN n % 10 < 3 THEN '10' ELSE '9' END`);
    const result = await engine.run([make()]);
    expect(result.grams).toMatchObject({
      total_processed: rows,
      total_updated: rows * 0.7,
      errors: rows * 0.3,
    });
    // So many for each page with bad rows, beside those of any run. How many pages there are depends on what a row takes; on a busy machine they
    // are small, but hardly have less than ten bad rows each.
    const pages = engine.statements.filter((text) => text.startsWith('SELECT "bad#"')).length;
    expect(pages).toBeLessThanOrEqual((rows * 0.3) / 10);
    expect(engine.statements.length).toBeLessThanOrEqual(85 + 14 * pages);
    const errors = await recorded();
    expect(new Set(errors.map(({ key }) => Number(key[1]) % 10))).toEqual(new Set([0, 1, 2]));
    expect(errors[0]).toMatchObject({
      reason: 'ERROR: new row for relation "parcels" violates check constraint "light"; SQLState: 23514',
      sqlstate: '23514',
    });
    expect(await engine.run([make()])).toEqual({ grams: 'skipped' });
  });

  it('are found although a constraint is checked at the commit only', async () => {
    await engine.database.query('DROP TABLE IF EXISTS weights CASCADE');
    await engine.database.query(`CREATE TABLE weights (grams integer PRIMARY KEY)`);
    await engine.database.query(`INSERT INTO weights VALUES (9000)`);
    await engine.database.query(
      'ALTER TABLE parcels ADD FOREIGN KEY (grams) REFERENCES weights DEFERRABLE INITIALLY DEFERRED',
    );
    await fill(`CASE WHEN n % 500 = 7 THEN '8' ELSE '9' END`);
    const result = await engine.run([make()]);
    expect(result.grams).toMatchObject({ total_updated: rows - 4, errors: 4 });
    expect((await recorded()).map(({ key }) => Number(key[1]))).toEqual(
      expect.arrayContaining([7, 507, 1007, 1507]),
    );
  });

  it('are none of those that only other rows of the batch make possible', async () => {
    // Each row takes the place of the one before it, which gives it up in the same statement.
    await engine.database.query('ALTER TABLE parcels ADD UNIQUE (changes) DEFERRABLE');
    await engine.database.query(
      `INSERT INTO parcels SELECT n, 'd', CASE n WHEN ${rows} THEN '10' ELSE '9' END, NULL, n FROM generate_series(1, ${rows}) AS n`,
    );
    const shifted = {
      ...base,
      errorBudget: 1,
      where: sql`grams IS NULL`,
    };
    const migration =
      kind === 'backfill'
        ? backfill({ ...shifted, set: { grams: sql`note::integer * 1000`, changes: sql`changes - 1` } })
        : rewrite<{ note: string; grams: number | null; changes: number }>({
            ...shifted,
            columns: ['note', 'grams', 'changes'],
            transform: ({ note, changes }) => ({ grams: Number(note) * 1000, changes: changes - 1 }),
          });
    expect((await engine.run([migration])).grams).toMatchObject({ total_updated: rows - 1, errors: 1 });
  });
});

describe('The block that finds bad rows', () => {
  const texts = [`it's`, 'a \\ b', "E'\\n", ':p1 $1 $x$ ::', '"row#" -- not', '; DROP', 'ä€😀', ''];

  it.each(texts)('reads the values of a migration as its batches do: %j', async (text) => {
    await fill(`'' || n`);
    const result = await engine.run([
      backfill({
        ...base,
        where,
        set: {
          note: sql`note || ${text} || ${Buffer.from([0, 39, 92])}::bytea::text || ${true}::text || ${0.1}::text || ${-3}::text`,
          // Of rows that can be changed, a constraint of its own refuses those that have not become what they are to become.
          grams: sql`CASE WHEN id = 77 THEN 10000 ELSE 1 END`,
        },
      }),
    ]);
    expect(result.grams).toMatchObject({ total_updated: rows - 1, errors: 1 });
    expect(engine.statements.length).toBeLessThan(130);
    const [row] = await engine.database.query('SELECT note FROM parcels WHERE id = 5');
    expect(row).toEqual({ note: `5${text}\\x00275ctrue0.1-3` });
  });

  it('is none of the names that the SQL of a migration may mean', async () => {
    for (const column of ['found', 'row', 'still', 'bad', 'hint', 'sqlerrm']) {
      await engine.reset();
      await engine.database.query('TRUNCATE parcels');
      await engine.database.query(`ALTER TABLE parcels RENAME COLUMN note TO "${column}"`);
      await fill(`CASE WHEN n = 77 THEN '10' ELSE '9' END`);
      const grams = backfill({
        ...base,
        where,
        set: { grams: sql`${unsafeSql(`"${column}"`)}::integer * 1000` },
      });
      expect((await engine.run([grams])).grams, column).toMatchObject({ total_updated: rows - 1, errors: 1 });
      expect(engine.statements.length, column).toBeLessThan(100);
      await engine.database.query(`ALTER TABLE parcels RENAME COLUMN "${column}" TO note`);
    }
  });
});

describe('Promise 2: a change that leaves its row matching', () => {
  const one = { ...base, where: sql`changes < 100` };
  const kinds = {
    backfill: () => backfill({ ...one, set: { changes: sql`changes + 1` } }),
    rewrite: () =>
      rewrite<{ changes: number }>({
        ...one,
        columns: ['changes'],
        transform: ({ changes }) => ({ changes: changes + 1 }),
      }),
  };

  it.each(Object.entries(kinds))('of a %s is taken back, in the batch and in each retry', async (_, make) => {
    await fill(`''`);
    await engine.database.query(`UPDATE parcels SET changes = 99 WHERE id > 5`);
    const all = () =>
      engine.database.query('SELECT changes, count(*)::int AS rows FROM parcels GROUP BY 1 ORDER BY 1');
    const expected = [
      { changes: 0, rows: 5 },
      { changes: 100, rows: rows - 5 },
    ];
    expect((await engine.run([make()])).grams).toMatchObject({ total_updated: rows - 5, errors: 5 });
    expect(await all()).toEqual(expected);
    expect((await recorded()).map(({ reason, sqlstate }) => ({ reason, sqlstate }))).toEqual(
      Array(5).fill({ reason: 'it still matches "where" after its change', sqlstate: null }),
    );
    for (let retry = 1; retry <= 2; retry += 1) {
      await engine.run([make()], { input: { retry: 'grams' } });
      expect(await all()).toEqual(expected);
      expect(await recorded()).toHaveLength(5);
    }
  });

  it('is taken back, too, when the rows can only be tried one by one', async () => {
    await fill(`''`);
    await engine.database.query(`UPDATE parcels SET changes = 99 WHERE id > 2`);
    engine.between = ({ sql: text }) => (text.startsWith('DO ') ? 'refuse' : 'pass');
    expect((await engine.run([kinds.backfill()])).grams).toMatchObject({
      total_updated: rows - 2,
      errors: 2,
    });
    expect((await recorded()).map(({ reason }) => reason)).toEqual(
      Array(2).fill('it still matches "where" after its change'),
    );
  });
});
