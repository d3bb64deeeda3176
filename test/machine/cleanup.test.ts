import { afterAll, beforeAll, beforeEach, describe, expect, it, test } from 'vitest';
import { backfill } from '../../functions/engine/batch/backfill.ts';
import { sql } from '../../functions/engine/database/sql.ts';
import { markerComment } from '../../functions/engine/database/table.ts';
import type { Migration, RowOptions } from '../../functions/engine/define/migration.ts';
import { upgradeLedger } from '../../functions/engine/ledger/schema.ts';
import type { TestDatabase } from '../support/database.ts';
import { type Call, startEngine, type TestEngine } from '../support/engine.ts';
import type { Fault } from '../support/fault-proxy.ts';
import { startTestRuntime, type TestRuntime } from '../support/runtime.ts';

const rows = 30;
const dropped = [
  'the marker column price_migrated of products, with its index',
  'the undo journal data_migrations."undo_prices"',
  'the record of 1 row error',
];

async function products(database: TestDatabase): Promise<void> {
  await database.query('DROP TABLE IF EXISTS products CASCADE');
  await database.query(
    'CREATE TABLE products (id integer PRIMARY KEY, price_text text NOT NULL, price numeric, total numeric)',
  );
  await database.query(`INSERT INTO products SELECT n, n || '.50' FROM generate_series(1, $1::int) AS n`, [
    rows,
  ]);
  await database.query(`UPDATE products SET price_text = 'dear' WHERE id IN (7, 8)`);
}

/** What a migration has left in the catalog and in the ledger. */
async function remains(database: TestDatabase) {
  const [found] = await database.query(`
    SELECT (SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute
        WHERE attrelid = 'products'::regclass AND attnum > 0 AND NOT attisdropped) AS columns,
      (SELECT count(*)::int FROM pg_index WHERE indrelid = 'products'::regclass) AS indexes,
      (SELECT count(*)::int FROM pg_class WHERE relname = 'undo_prices') AS journals,
      (SELECT count(*)::int FROM data_migrations.row_errors) AS row_errors,
      (SELECT json_agg(json_build_array(status, cleaned_up_at IS NOT NULL)) FROM data_migrations.migrations
        WHERE name = 'prices') AS ledger`);
  return found;
}
const everything = {
  columns: 'id price_text price total price_migrated',
  indexes: 2,
  journals: 1,
  row_errors: 1,
  ledger: [['finished', false]],
};
const nothing = {
  columns: 'id price_text price total',
  indexes: 1,
  journals: 0,
  row_errors: 0,
  ledger: [['finished', true]],
};

describe('through the whole chain', () => {
  let chain: TestRuntime;

  beforeAll(async () => {
    chain = await startTestRuntime({ fixture: 'cleanup', secondMs: 2 });
    await products(chain.database);
  });
  afterAll(() => chain.close());

  test('a migration goes its way from the first run to its clean-up, and never comes back', async () => {
    const { database } = chain;
    const early = await chain.run({ only: 'totals' });
    expect(early).toMatchObject({
      error: 'MigrationFailed',
      cause: expect.stringContaining(
        'migration "totals" requires "prices", which is not finished. Start the machine with {"only": "prices"}',
      ),
    });
    expect(await database.query('SELECT FROM products WHERE total IS NOT NULL')).toEqual([]);
    expect(await chain.run({ cleanup: 'prices' })).toMatchObject({
      error: 'MigrationFailed',
      cause: expect.stringContaining(
        'migration "prices" cannot be cleaned up: it has never run. Start the machine',
      ),
    });

    expect(await chain.run()).toMatchObject({
      status: 'SUCCEEDED',
      result: {
        prices: { total_processed: rows, total_updated: rows - 2, errors: 2 },
        totals: { total_updated: rows - 2 },
        notes: { total_updated: 1 },
      },
    });
    await database.query(`UPDATE products SET price_text = '7.50' WHERE id = 7`);
    expect((await chain.run({ retry: 'prices' })).result).toMatchObject({
      prices: { total_processed: rows, total_updated: rows - 1, errors: 1, error_samples: [{ key: '8' }] },
    });
    await database.query('ALTER TABLE products DROP COLUMN note');
    expect(await remains(database)).toEqual(everything);

    expect((await chain.run({ cleanup: 'prices' })).result).toEqual({ prices: { cleaned_up: dropped } });
    expect(await remains(database)).toEqual(nothing);
    expect((await chain.run({ cleanup: 'prices' })).result, 'safe to repeat').toEqual({
      prices: { cleaned_up: [] },
    });

    await database.query(`INSERT INTO products (id, price_text) VALUES (100, '100.50')`);
    expect((await chain.run({ only: 'prices' })).result).toEqual({ prices: 'skipped' });
    expect((await chain.run({ retry: 'prices' })).result).toEqual({ prices: 'skipped' });
    expect(await remains(database)).toEqual(nothing);
  });

  test('a migration of tables leaves nothing behind but its line in the ledger', async () => {
    await chain.run({ only: 'notes' });
    expect((await chain.run({ cleanup: 'notes' })).result).toEqual({ notes: { cleaned_up: [] } });
    const line = await chain.database.query(
      `SELECT status, cleaned_up_at IS NOT NULL AS cleaned_up FROM data_migrations.migrations WHERE name = 'notes'`,
    );
    expect(line).toEqual([{ status: 'finished', cleaned_up: true }]);
  });
});

describe('A clean-up', () => {
  let engine: TestEngine;
  const prices = (more: Partial<RowOptions> = {}): Migration =>
    backfill({
      name: 'prices',
      table: 'products',
      key: 'id',
      where: sql`price IS NULL`,
      set: { price: sql`price_text::numeric` },
      marker: 'price_migrated',
      onInvalid: 'restore',
      pace: { maxRows: 20 },
      ...more,
    });
  const cleanUp = (migration = prices(), more: Parameters<TestEngine['run']>[1] = {}) =>
    engine.run([migration], { ...more, input: { cleanup: 'prices' } });
  /** A finished migration and all that it has left behind, as a run makes it, but at once. */
  const finished = async () => {
    await engine.forget();
    await products(engine.database);
    await engine.database.query(`
      UPDATE products SET price = 1 WHERE id <> 8;
      ALTER TABLE products ADD COLUMN price_migrated boolean NOT NULL DEFAULT false;
      COMMENT ON COLUMN products.price_migrated IS '${markerComment('prices')}';
      UPDATE products SET price_migrated = price IS NOT NULL;
      CREATE INDEX prices_ix ON products (id) WHERE NOT price_migrated;
      DROP TABLE IF EXISTS data_migrations.undo_prices;
      CREATE TABLE data_migrations.undo_prices ();
      INSERT INTO data_migrations.migrations (name, status, run, cursor, rows_known, total_processed, result)
        VALUES ('prices', 'finished', 'earlier', '["${rows}"]', ${rows}, ${rows}, '{}');
      INSERT INTO data_migrations.row_errors (migration, key, run, reason) VALUES ('prices', '["8"]', 'earlier', 'dear')`);
  };

  beforeAll(async () => {
    engine = await startEngine({ transactionIdleSeconds: 0.1 });
    await upgradeLedger(engine.dataApi());
  });
  afterAll(() => engine.stop());
  beforeEach(() => finished());

  const unfinished: Record<string, readonly [before: string, problem: string]> = {
    'that failed': [
      `UPDATE data_migrations.migrations SET status = 'failed', total_processed = 20`,
      'its last run failed, or was stopped: 10 of 30 rows are left, and 1 row errors are recorded',
    ],
    'that was restored': [
      `UPDATE data_migrations.migrations SET status = 'restored'`,
      'it was restored, so that its rows are what they were before',
    ],
    'for which rows have come in since': [
      `INSERT INTO products (id, price_text) VALUES (0, '0')`,
      'it is finished, but rows have come in since that need it',
    ],
  };
  it.each(Object.entries(unfinished))('is refused for a migration %s', async (_, [before, problem]) => {
    await engine.database.query(before);
    await expect(cleanUp()).rejects.toMatchObject({
      name: 'MigrationFailed',
      message:
        `migration "prices" cannot be cleaned up: ${problem}. Start the machine with {"only": "prices"}, and clean up once ` +
        'that has succeeded',
    });
    expect(await remains(engine.database)).toMatchObject({ journals: 1, row_errors: 1, indexes: 2 });
  });

  it('drops a marker that the migration has no more, and leaves a column that is not one', async () => {
    await engine.database.query('ALTER TABLE products ADD COLUMN sold boolean NOT NULL DEFAULT false');
    expect(await cleanUp(prices({ marker: 'sold' }))).toEqual({ prices: { cleaned_up: dropped } });
    expect(await remains(engine.database)).toEqual({ ...nothing, columns: `${nothing.columns} sold` });
  });

  it('does all or nothing: what still needs the column keeps everything', async () => {
    await engine.database.query('CREATE VIEW migrated AS SELECT * FROM products');
    await expect(cleanUp()).rejects.toMatchObject({
      name: 'MigrationFailed',
      message: expect.stringMatching(/cannot drop column price_migrated .* other objects depend on it/),
    });
    expect(await remains(engine.database)).toEqual(everything);
  });

  it('of what was never needed drops nothing, and it may still be needed one day', async () => {
    await engine.forget();
    await engine.database.query('DROP TABLE data_migrations.undo_prices');
    await products(engine.database);
    await engine.database.query('UPDATE products SET price = 1');
    expect(await cleanUp()).toEqual({ prices: { cleaned_up: [] } });
    await engine.database.query('UPDATE products SET price = NULL WHERE id > 8');
    expect((await engine.run([prices()])).prices).toMatchObject({ total_updated: rows - 8 });
  });

  it('is done once, and says so, although any of its calls is the last of a process killed after it', async () => {
    let calls = 1;
    for (let number = 1; number <= calls; number += 1) {
      if (number > 1) {
        await finished();
      }
      let count = 0;
      let begun = false;
      let what = 'without trouble';
      engine.between = (call: Call): Fault => {
        begun ||= call.sql === 'BeginTransaction'; // until then it only looks
        if (!begun) {
          return 'pass';
        }
        count += 1;
        if (count !== number) {
          return 'pass';
        }
        what = `call ${number}: ${call.sql.trim().replace(/\s+/g, ' ').slice(0, 200)}`;
        call.process.kill();
        return 'lose-answer';
      };
      const result = await cleanUp(prices(), {
        attempts: 1,
        after: ({ operation }) => {
          if (operation === 'cleanup') {
            calls = count;
          }
        },
      });
      engine.between = () => 'pass';
      expect(result, what).toEqual({ prices: { cleaned_up: dropped } });
      expect(await remains(engine.database), what).toEqual(nothing);
    }
    expect(calls).toBeGreaterThan(10);
  });
});
