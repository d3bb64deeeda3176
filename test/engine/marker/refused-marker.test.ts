import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { backfill } from '../../../functions/engine/batch/backfill.ts';
import { sql } from '../../../functions/engine/database/sql.ts';
import type { Migration } from '../../../functions/engine/define/migration.ts';
import { ledgerScript } from '../../../functions/engine/ledger/schema.ts';
import { startEngine, type TestEngine } from '../../support/engine.ts';
import { base, items, kinds } from './labels.ts';

let engine: TestEngine;
beforeAll(async () => {
  // The transaction of a killed process dies soon, so that nobody waits minutes for its locks.
  engine = await startEngine({ transactionIdleSeconds: 0.1 });
  await engine.database.query(ledgerScript());
});
afterAll(() => engine.stop());
beforeEach(() => engine.forget());

describe('A marker is refused', () => {
  const refusals: Record<string, readonly [change: string, problem: RegExp]> = {
    'where its column is of another type': [
      'ALTER TABLE items ADD COLUMN labelled text',
      /migration "labels", marker, table items: has a column labelled already, text; a marker is boolean NOT NULL DEFAULT false\. Choose another name/,
    ],
    'where its column may be NULL': [
      'ALTER TABLE items ADD COLUMN labelled boolean DEFAULT false',
      /already, boolean DEFAULT false;/,
    ],
    'where its column is true by default': [
      'ALTER TABLE items ADD COLUMN labelled boolean NOT NULL DEFAULT true',
      /already, boolean NOT NULL DEFAULT true;/,
    ],
    'where its column is the application’s': [
      'ALTER TABLE items ADD COLUMN labelled boolean NOT NULL DEFAULT false',
      /already, and rows where that is true would count as done\. Choose another name; or/,
    ],
    'where its index is something else': [
      'CREATE INDEX labels_ix ON items (id)',
      /something else called "labels_ix" already/,
    ],
    'on a partitioned table': [
      `ALTER TABLE items RENAME TO items_1;
       CREATE TABLE items (LIKE items_1 INCLUDING ALL) PARTITION BY RANGE (id);
       ALTER TABLE items ATTACH PARTITION items_1 FOR VALUES FROM (0) TO (10000)`,
      /is partitioned, and PostgreSQL builds no index concurrently on all partitions/,
    ],
  };
  it.each(Object.entries(refusals))('%s, before anything is changed', async (_, [before, problem]) => {
    await items(engine, 20);
    for (const statement of before.split(';')) {
      await engine.database.query(statement);
    }
    const definition = `SELECT string_agg(attname || atttypid::text, ',' ORDER BY attnum) AS columns FROM pg_attribute WHERE attrelid = 'items'::regclass`;
    const columns = await engine.database.query(definition);
    await expect(engine.run([kinds.backfill?.() as Migration])).rejects.toMatchObject({
      name: 'MigrationFailed',
      message: expect.stringMatching(problem),
    });
    expect(await engine.database.query(definition)).toEqual(columns);
    expect(await engine.database.query(`SELECT FROM items WHERE label NOT LIKE 'old%'`)).toEqual([]);
    await engine.database.query('DROP TABLE items');
    await engine.database.query('DROP TABLE IF EXISTS items_1');
  });

  it('on one partition', async () => {
    await engine.database.query(
      `CREATE TABLE parts (id integer PRIMARY KEY, label text) PARTITION BY RANGE (id)`,
    );
    await engine.database.query('CREATE TABLE part PARTITION OF parts FOR VALUES FROM (0) TO (100)');
    await engine.database.query(`INSERT INTO parts VALUES (1, 'old 1')`);
    await expect(engine.run([kinds.backfill?.({ table: 'part' }) as Migration])).rejects.toMatchObject({
      message: expect.stringMatching(/table part: is a partition, which gets no columns of its own/),
    });
  });

  it('halfway through a migration without a condition, whose rows do not show that they are done', async () => {
    await items(engine, 20);
    const options = { ...base, set: { writes: sql`writes + 1` } };
    await engine.database.query(`INSERT INTO data_migrations.migrations (name, status, run, cursor)
      VALUES ('labels', 'failed', 'earlier', '["100"]')`);
    await expect(engine.run([backfill(options)])).rejects.toMatchObject({
      message: expect.stringMatching(/it has begun without one.* Take "marker" away until it is finished/),
    });
    await engine.run([backfill({ ...options, marker: undefined, immutableKey: true })]);
    const writes = await engine.database.query(
      'SELECT max(id) AS id, writes FROM items GROUP BY 2 ORDER BY 1',
    );
    expect(writes).toEqual([
      { id: 100, writes: 0 },
      { id: 200, writes: 1 },
    ]);
  });
});
