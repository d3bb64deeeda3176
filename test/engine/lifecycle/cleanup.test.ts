import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { backfill } from '../../../functions/engine/batch/backfill.ts';
import { sql } from '../../../functions/engine/database/sql.ts';
import { markerComment } from '../../../functions/engine/database/table.ts';
import { ledgerScript } from '../../../functions/engine/ledger/schema.ts';
import { prices } from '../../machine/fixtures/prices.ts';
import { type Call, startEngine, type TestEngine } from '../../support/engine.ts';
import type { Fault } from '../../support/fault-proxy.ts';

import { dropped, everything, nothing, products, remains, rows } from '../../support/products.ts';

describe('A clean-up', () => {
  let engine: TestEngine;
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
    await engine.database.query(ledgerScript());
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

  it('is refused, too, for one that another run has begun anew since it was found to be finished', async () => {
    engine.between = async ({ sql: text }): Promise<Fault> => {
      if (text === 'BeginTransaction') {
        await engine.database.query(`UPDATE data_migrations.migrations SET status = 'failed'`);
      }
      return 'pass';
    };
    await expect(cleanUp()).rejects.toThrow('its last run failed, or was stopped');
    expect(await remains(engine.database)).toMatchObject({ journals: 1, row_errors: 1, indexes: 2 });
  });

  it('promise 2: keeps a release from beginning anew that found new rows just before', async () => {
    await engine.forget();
    await products(engine.database);
    const counted = backfill({
      name: 'prices',
      table: 'products',
      key: 'id',
      marker: 'price_migrated',
      set: { total: sql`COALESCE(total, 0) + 1` },
    });
    await engine.run([counted]);
    let release: Promise<unknown> | undefined;
    let hasFound = () => {};
    let isClean = () => {};
    const found = new Promise<void>((resolve) => {
      hasFound = resolve;
    });
    const clean = new Promise<void>((resolve) => {
      isClean = resolve;
    });
    engine.between = async ({ sql: text }): Promise<Fault> => {
      if (text === 'BeginTransaction' && release === undefined) {
        await engine.database.query(`INSERT INTO products (id, price_text) VALUES (0, '0')`);
        release = engine.run([counted], { name: 'release' });
        await found;
      } else if (text === 'BeginTransaction') {
        hasFound();
        await clean;
      }
      return 'pass';
    };
    await cleanUp(counted);
    isClean();
    expect(await release).toEqual({ prices: 'skipped' });
    expect(
      await engine.database.query(
        'SELECT total::int, count(*)::int AS rows FROM products GROUP BY 1 ORDER BY 1',
      ),
    ).toEqual([
      { total: 1, rows },
      { total: null, rows: 1 },
    ]);
    expect(await remains(engine.database)).toMatchObject(nothing);
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
