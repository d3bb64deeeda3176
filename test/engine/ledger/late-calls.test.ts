import pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { backfill } from '../../../functions/engine/batch/backfill.ts';
import { sql } from '../../../functions/engine/database/sql.ts';
import { upgradeLedger } from '../../../functions/engine/ledger/schema.ts';
import { caller, startEngine, type TestEngine } from '../../support/engine.ts';
import { untilLockWait } from '../../support/lock-waits.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
  await upgradeLedger(engine.dataApi());
  await engine.database.query('CREATE TABLE items (id integer PRIMARY KEY, n integer NOT NULL DEFAULT 0)');
});
afterAll(() => engine.stop());
beforeEach(async () => {
  await engine.forget();
  await engine.database.query('TRUNCATE items');
  await engine.database.query('INSERT INTO items SELECT n FROM generate_series(1, 100) AS n');
});
const probe = backfill({
  name: 'probe',
  table: 'items',
  key: 'id',
  immutableKey: true,
  set: { n: sql`n + 1` },
  pace: { maxRows: 10 },
});

it('promise 2: a batch from before a crash of the database changes nothing when its number is used again', async () => {
  let batches = 0;
  engine.between = async ({ sql: text }) => {
    batches += text.includes('UPDATE "public"."items"') ? 1 : 0;
    if (batches === 4) {
      batches += 1;
      // What a crash leaves where the commits of two batches were not on disk, and a smaller one had the number of the third.
      await engine.database.query(`UPDATE data_migrations.migrations SET cursor = '["17"]'`);
      await engine.database.query('UPDATE items SET n = 0 WHERE id > 17');
    }
    return 'pass' as const;
  };
  await engine.run([probe]);
  expect(batches).toBeGreaterThan(5);
  expect(await engine.database.query('SELECT n, count(*)::int AS rows FROM items GROUP BY 1')).toEqual([
    { n: 1, rows: 100 },
  ]);
});

it('promise 4: a late failure of an execution that was redriven meanwhile does not end it', async () => {
  const process = engine.process([probe]);
  const first = caller('redriven');
  const again = caller('redriven', 1);
  engine.executions.set(first.execution_arn, 'RUNNING');
  await process.invoke({ operation: 'open', run: first, input: {} });

  // The redrive is being entered, and holds the line of the run, when the late failure arrives.
  const redrive = new pg.Client({ connectionString: engine.database.url });
  await redrive.connect();
  try {
    await redrive.query('BEGIN');
    await redrive.query(`
      UPDATE data_migrations.runs SET status = 'running', redrive_count = 1, failure = NULL, ended_at = NULL`);
    const late = process.invoke({
      operation: 'fail',
      run: first,
      error: 'E',
      cause: 'late',
      last_try: false,
    });
    await untilLockWait(engine.database);
    await redrive.query('COMMIT');
    await late;
  } finally {
    await redrive.end();
  }
  expect(await engine.ledger('runs')).toMatchObject([{ status: 'running', redrive_count: 1, failure: null }]);
  expect(await process.invoke({ operation: 'pending', run: again, migration: 'probe' })).toEqual({
    state: 'pending',
  });
});
