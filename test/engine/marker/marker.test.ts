import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { backfill } from '../../../functions/engine/batch/backfill.ts';
import { sql } from '../../../functions/engine/database/sql.ts';
import type { Migration } from '../../../functions/engine/define/migration.ts';
import { ledgerScript } from '../../../functions/engine/ledger/schema.ts';
import { startEngine, type TestEngine } from '../../support/engine.ts';
import { base, indexes, isLook, items, kinds, marks, pace } from './labels.ts';

let engine: TestEngine;
beforeAll(async () => {
  // The transaction of a killed process dies soon, so that nobody waits minutes for its locks.
  engine = await startEngine({ transactionIdleSeconds: 0.1 });
  await engine.database.query(ledgerScript());
});
afterAll(() => engine.stop());
beforeEach(() => engine.forget());

describe('A marker', () => {
  it('is a column and an index on the rows that are left, whatever their names', async () => {
    await engine.database.query('CREATE SCHEMA "Shop"');
    await engine.database.query(
      `CREATE TABLE "Shop"."Order ""Lines""" ("Id" text, "no" integer, n integer NOT NULL DEFAULT 0, PRIMARY KEY ("Id", "no"))`,
    );
    await engine.database.query(
      `INSERT INTO "Shop"."Order ""Lines""" SELECT n / 3, n FROM generate_series(1, 40) AS n`,
    );
    const migration = backfill({
      name: 'a-name-that-is-as-long-as-the-ledger-allows-for-a-migration1',
      table: 'Shop.Order "Lines"',
      key: ['Id', 'no'],
      set: { n: sql`n + 1` },
      marker: 'is "Done"',
      pace,
    });
    const result = await engine.run([migration]);
    expect(result[migration.name]).toMatchObject({ total_processed: 40, total_updated: 40 });
    expect(await indexes(engine)).toMatchObject([
      {
        name: `${migration.name}_ix`,
        valid: true,
        definition: expect.stringContaining('("Id", no) WHERE (NOT "is ""Done""")'),
      },
    ]);
    expect(
      await engine.database.query(
        'SELECT n, "is ""Done""" AS done, count(*)::int AS rows FROM "Shop"."Order ""Lines""" GROUP BY 1, 2',
      ),
    ).toEqual([{ n: 1, done: true, rows: 40 }]);
    expect(await engine.run([migration])).toEqual({ [migration.name]: 'skipped' });
    await engine.database.query('DROP SCHEMA "Shop" CASCADE');
  });

  it('promise 2: tells a row that is done although its key has been moved ahead of the cursor', async () => {
    await items(engine, 60);
    let moved = 0;
    engine.between = async ({ sql: text }) => {
      if (moved === 0 && text.includes('UPDATE "public"."items"')) {
        const ahead = await engine.database.query(
          'UPDATE items SET id = id + 10000 WHERE labelled AND id <= 50 RETURNING id',
        );
        moved = ahead.length;
      }
      return 'pass' as const;
    };
    await engine.run([backfill({ ...base, set: { writes: sql`writes + 1` } })]);
    expect(moved).toBeGreaterThan(0);
    expect(await engine.database.query('SELECT writes, count(*)::int AS rows FROM items GROUP BY 1')).toEqual(
      [{ writes: 1, rows: 60 }],
    );
  });

  it('costs each slice one look, and a migration that has none nothing', async () => {
    await items(engine, 60);
    const slices = async (migration: Migration) => {
      engine.statements.length = 0;
      let count = 0;
      await engine.run([migration], {
        after: ({ operation }) => {
          if (operation === 'batches') {
            count += 1;
          }
        },
      });
      expect(count).toBeGreaterThan(3);
      return { slices: count, looks: engine.statements.filter(isLook).length };
    };
    const resting = { pace: { ...pace, restSeconds: 5 } };
    const { slices: marked, looks } = await slices(kinds.backfill?.(resting) as Migration);
    expect(looks, 'once more after it was made').toBe(marked + 1);
    await engine.forget();
    await items(engine, 60);
    expect(
      await slices(
        backfill({ ...base, ...resting, marker: undefined, immutableKey: true, set: { writes: sql`1` } }),
      ),
    ).toMatchObject({
      looks: 0,
    });
  });

  it('is found in a table of many columns with long comments', async () => {
    await items(engine, 20);
    const columns = Array.from({ length: 80 }, (_, i) => `c${i}`);
    await engine.database.query(
      `ALTER TABLE items ${columns.map((column) => `ADD COLUMN ${column} text`).join(', ')}`,
    );
    for (const column of columns) {
      await engine.database.query(`COMMENT ON COLUMN items.${column} IS '${'long '.repeat(160)}'`);
    }
    const result = await engine.run([kinds.backfill?.() as Migration]);
    expect(result.labels).toMatchObject({ total_updated: 20 });
    expect(await marks(engine)).toEqual([{ form: 'new', labelled: true, rows: 20 }]);
  });

  it('gives up a lock that it does not get soon, and adds its column later', async () => {
    await items(engine, 20);
    const application = await engine.database.pool.connect();
    await application.query('BEGIN');
    await application.query('SELECT count(*) FROM items');
    const running = engine.run([kinds.backfill?.() as Migration]);
    await expect.poll(() => engine.slept.some((seconds) => seconds >= 0.5), { timeout: 10_000 }).toBe(true);
    await application.query('COMMIT');
    application.release();
    expect((await running).labels).toMatchObject({ total_updated: 20 });
  });

  it('is not added again by a zombie, once it has been dropped', async () => {
    await items(engine, 20);
    const migration = kinds.backfill?.() as Migration;
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    let held = false;
    engine.between = async ({ sql: text, process }) => {
      if (held || text !== 'BeginTransaction') {
        return;
      }
      held = true;
      process.abandon();
      await released;
    };
    await engine.run([migration]);
    expect(await engine.run([migration], { input: { cleanup: 'labels' } })).toMatchObject({
      labels: { cleaned_up: ['the marker column labelled of items, with its index'] },
    });
    release();
    await engine.settled();
    expect(held).toBe(true);
    expect(await engine.database.query(`SELECT FROM pg_attribute WHERE attname = 'labelled'`)).toEqual([]);
    expect(await engine.database.query(`SELECT FROM pg_class WHERE relname = 'labels_ix'`)).toEqual([]);
  });
});

describe.each(Object.entries(kinds))('With a marker, a %s', (_, make) => {
  it('marks rows that need no change without counting them, and leaves bad rows unmarked', async () => {
    await items(engine, 40);
    await engine.database.query(`UPDATE items SET label = 'new already' WHERE id <= 50`);
    await engine.database.query(`UPDATE items SET label = 'bad ' || id WHERE id IN (170, 180)`);
    const result = await engine.run([make({ onInvalid: 'restore' })]);
    expect(result.labels).toMatchObject({ total_processed: 40, total_updated: 33, errors: 2 });
    const [journal] = await engine.database.query(
      'SELECT count(*)::int AS rows FROM data_migrations.undo_labels',
    );
    expect(journal).toEqual({ rows: 33 });
    await engine.database.query('DROP TABLE data_migrations.undo_labels');
    expect(await marks(engine)).toEqual([
      { form: 'bad', labelled: false, rows: 2 },
      { form: 'new', labelled: true, rows: 38 },
    ]);
    expect(await engine.run([make()]), 'bad rows are known').toEqual({ labels: 'skipped' });
  });

  it('changes a row once that matches its condition ever after', async () => {
    await items(engine, 40);
    await engine.database.query(`UPDATE items SET label = 'stubborn one' WHERE id = 170`);
    const result = await engine.run([make()]);
    expect(result.labels).toMatchObject({
      total_updated: 39,
      errors: 1,
      error_samples: [{ key: '170', reason: 'it still matches "where" after its change' }],
    });
    expect(await engine.run([make()])).toEqual({ labels: 'skipped' });
  });

  it('sweeps up the old form in rows that it has marked', async () => {
    await items(engine, 40);
    let done = false;
    engine.between = async ({ sql: text }) => {
      if (done || !text.includes('UPDATE "public"."items"')) {
        return;
      }
      const rewritten = `UPDATE items SET label = 'old again' WHERE id = 30 AND labelled`;
      done = (await engine.database.pool.query(rewritten)).rowCount === 1;
    };
    const result = await engine.run([make()]);
    expect(done).toBe(true);
    expect(result.labels).toMatchObject({ total_processed: 40, total_updated: 41 });
    expect(await marks(engine)).toEqual([{ form: 'new', labelled: true, rows: 40 }]);
  });

  it('changes what was set back after its end, once somebody asks for a thorough look', async () => {
    await items(engine, 40);
    await engine.run([make()]);
    await engine.database.query(`UPDATE items SET label = 'old again' WHERE id IN (30, 310)`);
    const input = { only: 'labels', thorough: true };
    const result = await engine.run([make()], { input });
    expect(result.labels).toMatchObject({ total_processed: 40, total_updated: 2 });
    expect(await marks(engine)).toEqual([{ form: 'new', labelled: true, rows: 40 }]);
    expect((await engine.run([make()], { input })).labels).toMatchObject({ total_updated: 0 });

    await engine.run([make()], { input: { cleanup: 'labels' } });
    expect(await engine.run([make()], { input })).toEqual({ labels: 'skipped' });
  });
});

it('A thorough look is refused where nothing tells rows from others, and for all migrations at once', async () => {
  await items(engine, 5);
  const migration = backfill({ ...base, set: { label: sql`upper(label)` } });
  const looking = engine.run([migration], { input: { only: 'labels', thorough: true } });
  await expect(looking).rejects.toThrow('has no "where"');
  const all = engine.run([migration], { input: { thorough: true } });
  await expect(all).rejects.toThrow('the input has "thorough" without "only"');
});
