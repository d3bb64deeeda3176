import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { dropped, everything, nothing, products, remains, rows } from '../support/products.ts';
import { startTestRuntime, type TestRuntime } from '../support/runtime.ts';

describe('through the whole chain', () => {
  let chain: TestRuntime;

  beforeAll(async () => {
    chain = await startTestRuntime({ fixture: 'cleanup', secondMs: 2 });
  });
  afterAll(() => chain.close());
  beforeEach(async () => {
    await chain.reset();
    await chain.database.query('DROP SCHEMA IF EXISTS data_migrations CASCADE');
    await products(chain.database);
  });

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
