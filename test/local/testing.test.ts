import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { RunFailed, startTestSystem, type TestSystem } from '../../local/testing.ts';
import { cents, doubled, migrations } from './fixtures/prices.ts';

let system: TestSystem;
beforeAll(async () => {
  system = await startTestSystem(
    {
      migrations,
      handler: fileURLToPath(new URL('./fixtures/prices-handler.ts', import.meta.url)),
      async prepare({ url }) {
        const client = new pg.Client({ connectionString: url });
        await client.connect();
        await client.query(`
          CREATE TABLE prices (id integer PRIMARY KEY, price text NOT NULL, cents integer, twice integer);
          INSERT INTO prices SELECT n, n || '.50' FROM generate_series(1, 20) AS n;
          INSERT INTO prices VALUES (21, 'free'), (100, 'ask'), (30, '-')`);
        await client.end();
      },
    },
    { server: inject('postgresUrl') },
  );
});
afterAll(() => system.stop());

test('A migration by itself has the same outcome whenever it runs, and then is skipped', async () => {
  expect(await system.errors(cents)).toEqual([]);
  await expect(system.migrate(doubled)).rejects.toThrow(RunFailed);

  expect(await system.migrate(cents)).toEqual({
    total_processed: 23,
    total_updated: 20,
    errors: 3,
    validations: [{ name: 'positive', passed: true, failed_rows: 0 }],
  });
  expect(await system.errors(cents)).toEqual([
    { key: ['21'], reason: 'no price in free', sqlstate: null },
    { key: ['30'], reason: 'no price in -', sqlstate: null },
    { key: ['100'], reason: 'no price in ask', sqlstate: null },
  ]);
  expect(await system.migrate(cents)).toBe('skipped');
  expect(await system.migrate(doubled)).toEqual({ total_processed: 23, total_updated: 20, errors: 0 });
  expect(await system.query('SELECT cents, twice FROM prices WHERE id = $1', [3])).toEqual([
    { cents: 350, twice: 700 },
  ]);
});
