import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { backfill } from '../../../functions/engine/batch/backfill.ts';
import { sql } from '../../../functions/engine/database/sql.ts';
import type { Migration } from '../../../functions/engine/define/migration.ts';
import { ledgerScript } from '../../../functions/engine/ledger/schema.ts';
import { type Call, startEngine, type TestEngine } from '../../support/engine.ts';
import { planOf } from '../../support/plan-of.ts';
import { begun, items, kinds } from './labels.ts';

let engine: TestEngine;
beforeAll(async () => {
  // The transaction of a killed process dies soon, so that nobody waits minutes for its locks.
  engine = await startEngine({ transactionIdleSeconds: 0.1 });
  await engine.database.query(ledgerScript());
});
afterAll(() => engine.stop());
beforeEach(() => engine.forget());

describe('Promise 11, with a marker', () => {
  const rows = 10_000;
  const large = kinds.backfill?.({ pace: { maxRows: 500 } }) as Migration;

  it('pages have only rows that are left, found by the marker’s index', async () => {
    await items(engine, rows);
    // So wide that the planner finds a page's rows by their keys, however large the pace makes the page: of a narrow table it reads all.
    await engine.database.query(`UPDATE items SET label = label || repeat(' ', 500)`);
    await engine.database.query('VACUUM ANALYZE items');
    const paged = kinds.backfill?.({ pace: { maxRows: 50 } }) as Migration;
    const calls: Call[] = [];
    let plans: string[] = [];
    engine.between = async (call) => {
      if (!call.sql.includes('UPDATE "public"."items"')) {
        return;
      }
      calls.push(call);
      if (calls.length % 10 === 0) {
        plans = [...plans, await planOf(engine, call)];
      }
    };
    expect((await engine.run([paged])).labels).toMatchObject({ total_processed: rows, total_updated: rows });
    expect(plans.length).toBeGreaterThan(1);
    for (const plan of plans) {
      expect(plan.match(/Scan (Backward )?(using|on) labels_ix/g)).toHaveLength(4);
      const byRow = /Index Scan using items_pkey on items.*\n\s+Index Cond: \(id = "old#"."k#0"\)/g;
      expect(plan.match(byRow), 'the write itself').toHaveLength(1);
      expect(plan.replace(byRow, '')).not.toMatch(/items_pkey|Seq Scan on items/);
    }

    await engine.database.query('UPDATE items SET labelled = false WHERE id % 20000 = 10');
    await engine.database.query(`UPDATE items SET label = 'old' WHERE id = 20010`);
    expect((await engine.run([paged])).labels).toMatchObject({ total_processed: 5, total_updated: 1 });
  });

  it.each([
    ['backfill', 'restore'],
    ['backfill', 'fail'],
    ['rewrite', 'restore'],
  ] as const)(
    'a %s, with onInvalid %s, finds the rows of a page by the index of a key of two columns, too',
    async (kind, onInvalid) => {
      await engine.database.query('DROP TABLE IF EXISTS pairs');
      await engine.database.query(
        `CREATE TABLE pairs (a integer, b integer, label text, filler text, PRIMARY KEY (a, b))`,
      );
      await engine.database.query(
        `INSERT INTO pairs SELECT (random() * 50)::integer, n, 'old', repeat('x', 500) FROM generate_series(1, 5000) AS n`,
      );
      await engine.database.query('VACUUM ANALYZE pairs');
      let plan = '';
      engine.between = async (call) => {
        const isIt = call.sql.includes(kind === 'backfill' ? '"changed_rows#" AS' : 'row_number()');
        if (isIt) {
          plan += await planOf(engine, call);
        }
      };
      const pairs = { table: 'pairs', key: ['a', 'b'], marker: undefined, pace: { maxRows: 10 } };
      const migration = kinds[kind]?.({ ...pairs, onInvalid }) as Migration;
      const slice = await begun(engine.process([migration], { milliseconds: 1_000 }), kind);
      await slice();
      expect(plan).toContain('Index Scan using pairs_pkey');
      expect(plan).not.toContain('Seq Scan on pairs');
      await engine.database.query('DROP TABLE IF EXISTS data_migrations.undo_labels');
    },
  );

  it.each([
    ['one column', 'gen_random_uuid() AS a, n AS b', ['a']],
    ['two columns', '(random() * 20)::integer AS a, n AS b', ['a', 'b']],
  ])(
    'a backfill of all rows finds them page by page by the index of a key of %s in random order',
    async (_, columns, key) => {
      await engine.database.query('DROP TABLE IF EXISTS spread');
      await engine.database.query(
        `CREATE TABLE spread AS SELECT ${columns}, 'old' AS label, repeat('x', 200) AS filler FROM generate_series(1, 20000) AS n`,
      );
      await engine.database.query(`ALTER TABLE spread ADD PRIMARY KEY (${key.join(', ')})`);
      await engine.database.query('VACUUM ANALYZE spread');
      let plans = '';
      engine.between = async (call) => {
        if (call.sql.includes('"changed_rows#" AS')) {
          plans += await planOf(engine, call);
        }
      };
      const all = backfill({
        immutableKey: true,
        name: 'labels',
        table: 'spread',
        key,
        set: { label: sql`'new'` },
        pace: { maxRows: 10 },
      });
      const slice = await begun(engine.process([all], { milliseconds: 1_000 }), `of ${key.length}`);
      await slice();
      expect(plans).toContain('spread_pkey');
      expect(plans).not.toContain('Seq Scan on spread');
    },
  );

  it('finished and large, it is asked cheaply, and finds what an old release writes wherever that is', async () => {
    const scans = async () => {
      await engine.database.query('SELECT pg_stat_force_next_flush()');
      await engine.database.query(`SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'rds-data'`);
      const [counts] = await engine.database.query<{ whole: number; key: number }>(`
        SELECT s.seq_scan::int AS whole, i.idx_scan::int AS key FROM pg_stat_user_tables s
        JOIN pg_stat_user_indexes i ON i.relid = s.relid WHERE i.indexrelname = 'items_pkey' AND s.relname = 'items'`);
      return counts;
    };
    await items(engine, rows);
    expect((await engine.run([large])).labels).toMatchObject({ total_updated: rows });
    // Wide enough for the planner to see that the whole table would be dear; it still believes that half of it is left.
    await engine.database.query(`UPDATE items SET label = label || repeat(' ', 1500)`);
    const before = await scans();
    expect(await engine.run([large])).toEqual({ labels: 'skipped' });
    expect((await scans())?.whole).toBe(before?.whole);

    await engine.database.query(`INSERT INTO items (id, label) VALUES (15, 'new 15'), (16, 'new 16')`);
    expect(await engine.run([large]), 'not marked, but in need of nothing').toEqual({ labels: 'skipped' });
    await engine.database.query(`INSERT INTO items (id, label) VALUES (17, 'old 17')`);
    expect((await engine.run([large])).labels).toMatchObject({ total_processed: 3, total_updated: 1 });
    expect(await engine.run([large])).toEqual({ labels: 'skipped' });
  });
});
