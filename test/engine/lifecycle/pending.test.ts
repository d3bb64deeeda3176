import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { backfill } from '../../../functions/engine/batch/backfill.ts';
import { rewrite } from '../../../functions/engine/batch/rewrite.ts';
import { sql } from '../../../functions/engine/database/sql.ts';
import { upgradeLedger } from '../../../functions/engine/ledger/schema.ts';
import { countLeft } from '../../../functions/engine/lifecycle/count-left.ts';
import { startEngine, type TestEngine } from '../../support/engine.ts';
import { rowsOf } from '../../support/opened.ts';

let engine: TestEngine;
const rows = 150_000;

beforeAll(async () => {
  engine = await startEngine();
  await upgradeLedger(engine.dataApi());
  await engine.database.query(
    'CREATE TABLE large (id integer PRIMARY KEY, filler text, state text) WITH (autovacuum_enabled = off)',
  );
  await engine.database.query(
    `INSERT INTO large SELECT n, repeat('x', 200), 'new' FROM generate_series(1, ${rows}) AS n`,
  );
  await engine.database.query('VACUUM ANALYZE large');
});
afterAll(() => engine.stop());
beforeEach(() => engine.forget());

const toNew = backfill({
  name: 'states',
  table: 'large',
  key: 'id',
  where: sql`state <> 'new'`,
  set: { state: sql`'new'` },
});

/** Rows that scans of the table, whole or by its index, have fetched so far. */
async function scanned(): Promise<{ whole: number; rows: number }> {
  // A backend tells what it has read when it ends, at the latest; our own one when it is asked to.
  await engine.database.query(`SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()`);
  await engine.database.query('SELECT pg_stat_force_next_flush()');
  const [counts] = await engine.database.query<{ whole: number; rows: number }>(`
    SELECT seq_scan::int AS whole, (seq_tup_read + COALESCE(idx_tup_fetch, 0))::int AS rows
    FROM pg_stat_user_tables WHERE relname = 'large'`);
  return counts ?? { whole: 0, rows: 0 };
}

/** What a run reads of the table while it finds nothing to do. */
async function readBySkippedRun(): Promise<{ whole: number; rows: number }> {
  const before = await scanned();
  expect(await engine.run([toNew])).toEqual({ states: 'skipped' });
  const after = await scanned();
  return { whole: after.whole - before.whole, rows: after.rows - before.rows };
}

describe('Promise 11: pending? of a finished migration', () => {
  it('finds rows in the old form anywhere if an index helps', async () => {
    await engine.database.query(`INSERT INTO data_migrations.migrations (name, status, run, cursor)
      VALUES ('states', 'finished', 'earlier', '["${rows}"]')`);
    await engine.database.query(`CREATE INDEX old_ones ON large (id) WHERE state <> 'new'`);
    await engine.database.query(`UPDATE large SET state = 'old' WHERE id = 70000`);
    expect((await engine.run([toNew])).states).toMatchObject({ total_updated: 1 });

    await engine.database.query('DROP INDEX old_ones');
    await engine.database.query(`UPDATE large SET state = 'old' WHERE id = 70000`);
    expect(await engine.run([toNew]), 'without one').toEqual({ states: 'skipped' });
    await engine.database.query(`UPDATE large SET state = 'new' WHERE id = 70000`);
  });

  it('never scans its table, however large, and finds new rows at the end', async () => {
    await engine.database.query(`INSERT INTO data_migrations.migrations (name, status, run, cursor)
      VALUES ('states', 'finished', 'earlier', '["${rows - 5}"]')`);
    expect(await readBySkippedRun()).toMatchObject({
      whole: 0,
      rows: expect.toSatisfy((read) => read <= 20),
    });

    await engine.database.query(`INSERT INTO large VALUES (${rows + 1}, '', 'old')`);
    expect((await engine.run([toNew])).states).toMatchObject({ total_updated: 1 });
    await engine.database.query(`DELETE FROM large WHERE id > ${rows}`);
  });

  it('asks a small table in full', async () => {
    await engine.database.query('CREATE TABLE small (id integer PRIMARY KEY, state text)');
    await engine.database.query(`INSERT INTO small SELECT n, 'new' FROM generate_series(1, 500) AS n`);
    const small = backfill({
      ...rowsOf(toNew),
      where: sql`state <> 'new'`,
      table: 'small',
      set: { state: sql`'new'` },
    });
    await engine.run([small]);
    await engine.database.query(`UPDATE small SET state = 'old' WHERE id = 250`);
    expect((await engine.run([small])).states).toMatchObject({ total_updated: 1 });
    expect(await engine.run([small])).toEqual({ states: 'skipped' });
  });

  it('is no for a migration without a condition, once it is done', async () => {
    await engine.database.query('CREATE TABLE counted_once (id integer PRIMARY KEY, n integer DEFAULT 0)');
    await engine.database.query('INSERT INTO counted_once SELECT n FROM generate_series(1, 10) AS n');
    const once = backfill({
      name: 'once',
      table: 'counted_once',
      key: 'id',
      immutableKey: true,
      set: { n: sql`n + 1` },
    });
    await engine.run([once]);
    await engine.database.query('INSERT INTO counted_once VALUES (11)');
    expect(await engine.run([once])).toEqual({ once: 'skipped' });
  });
});

describe('Promise 11: batches', () => {
  it('read pages that stay within the result, however wide the rows', async () => {
    await engine.database.query(
      'CREATE TABLE wide (id integer PRIMARY KEY, body text, done boolean NOT NULL DEFAULT false)',
    );
    await engine.database.query(
      `INSERT INTO wide SELECT n, repeat('ä', CASE WHEN n < 300 THEN 10 ELSE 20000 END) FROM generate_series(1, 600) AS n`,
    );
    const result = await engine.run([
      rewrite({
        name: 'wide',
        table: 'wide',
        key: 'id',
        columns: ['body', 'done'],
        where: sql`NOT done`,
        transform: ({ body }) => ({ body: body.toUpperCase(), done: true }),
      }),
    ]);
    expect(result.wide).toMatchObject({ total_processed: 600, total_updated: 600, errors: 0 });
  });

  it('are sized by time: slow rows make small ones', async () => {
    await engine.database.query('CREATE TABLE slow (id integer PRIMARY KEY, n integer DEFAULT 0)');
    await engine.database.query('INSERT INTO slow SELECT n FROM generate_series(1, 300) AS n');
    await engine.run([
      backfill({
        name: 'slow',
        table: 'slow',
        key: 'id',
        immutableKey: true,
        set: { n: sql`n + 1 + length(pg_sleep(0.002)::text)` },
        pace: { targetSeconds: 0.05 },
      }),
    ]);
    const [line] = await engine.ledger<{ batches: string; seconds_per_row: number }>('migrations');
    expect(Number(line?.batches)).toBeGreaterThan(6);
    expect(line?.seconds_per_row).toBeGreaterThan(0.002);
  });
});

describe('Rows in the old form that came in behind the cursor of the last walk', () => {
  it('make the migration pending in the next run, which migrates them, and are counted by looking at every row', async () => {
    await engine.database.query(`UPDATE large SET state = 'old' WHERE id = ${rows}`);
    engine.between = async ({ sql: text }) => {
      if (text.includes('UPDATE "public"."large"')) {
        await engine.database.query(`UPDATE large SET state = 'old' WHERE id IN (1, 2)`);
      }
    };
    expect((await engine.run([toNew])).states).toHaveProperty('still_arriving');
    engine.between = () => 'pass';
    const old = () =>
      engine.database.query<{ id: number }>(`SELECT id FROM large WHERE state <> 'new' ORDER BY id`);
    expect(await old()).toEqual([{ id: 1 }, { id: 2 }]);
    expect(await countLeft(engine.dataApi(), rowsOf(toNew))).toBe(2);

    expect((await engine.run([toNew])).states).not.toBe('skipped');
    expect(await old()).toEqual([]);
    expect(await countLeft(engine.dataApi(), rowsOf(toNew))).toBe(0);
    expect((await engine.run([toNew])).states).toBe('skipped');
  });
});

describe('A table that updates have made several times as large on disk as its rows are', () => {
  /** Its rows have been updated three times since the planner's statistics were made. */
  async function bloated(table: string, rows: number): Promise<void> {
    await engine.database.query(
      `CREATE TABLE ${table} (id integer PRIMARY KEY, state text) WITH (autovacuum_enabled = off)`,
    );
    await engine.database.query(`INSERT INTO ${table} SELECT n, 'old' FROM generate_series(1, ${rows}) AS n`);
    await engine.database.query(`VACUUM ANALYZE ${table}`);
    for (let time = 0; time < 3; time += 1) {
      await engine.database.query(`UPDATE ${table} SET state = 'old'`);
    }
  }
  /** The rows known once a run has entered the migration, and once it has finished it. */
  async function rowsKnown(table: string): Promise<{ begun: number; finished: number }> {
    const known = async () =>
      Number((await engine.ledger<{ rows_known: string }>('migrations'))[0]?.rows_known);
    let begun = 0;
    await engine.run([backfill({ ...rowsOf(toNew), table, set: { state: sql`'new'` } })], {
      after: async ({ operation }) => {
        begun = operation === 'pending' ? await known() : begun;
      },
    });
    return { begun, finished: await known() };
  }

  it('is counted when a migration begins, as long as its rows are few', async () => {
    await bloated('few_rows', 40_000);
    expect(await rowsKnown('few_rows')).toEqual({ begun: 40_000, finished: 40_000 });
  });

  it('is not taken for a larger one than before when a migration goes on', async () => {
    await bloated('many_rows', 120_000);
    await engine.database.query(`INSERT INTO data_migrations.migrations
      (name, status, run, cursor, rows_known, total_processed) VALUES ('states', 'failed', 'earlier', '["30000"]', 120000, 30000)`);
    expect(await rowsKnown('many_rows')).toEqual({ begun: 120_000, finished: 120_000 });
  });

  it('has as many rows as were looked at, once a migration is finished', async () => {
    await bloated('all_rows', 120_000);
    const { begun, finished } = await rowsKnown('all_rows');
    expect(begun).toBeGreaterThan(240_000);
    expect(finished).toBe(120_000);
  });
});
