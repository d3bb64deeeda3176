import { expect, it } from 'vitest';
import { backfill } from '../../../functions/engine/batch/backfill.ts';
import { sql } from '../../../functions/engine/database/sql.ts';
import { startEngine } from '../../support/engine.ts';
import { planOf } from '../../support/plan-of.ts';

const rows = 1_000;
const people = backfill({
  name: 'people',
  table: 'people',
  key: 'id',
  where: sql`full_name IS NULL`,
  set: { full_name: sql`'somebody'` },
});

// The planner's units, as those of a table that is so large: ten million rows of 100 bytes, each with a dead version, are 700,000.
it.each([
  { cost: 700_000, walks: 1, what: 'by one look' },
  { cost: 4_000_000, walks: 2, what: 'by another walk, where a look would take too long' },
])('Whether rows came in behind the cursor is found out $what', async ({ cost, walks }) => {
  const engine = await startEngine();
  try {
    const { query, name } = engine.database;
    await query(
      `CREATE TABLE people (id integer PRIMARY KEY, full_name text, filling text DEFAULT repeat('x', 100))`,
    );
    await query(`INSERT INTO people SELECT n FROM generate_series(1, ${rows}) AS n`);
    // Twice as many pages after the batches, with the versions from before.
    const [{ pages } = { pages: 0 }] = await query<{ pages: number }>(
      `SELECT (pg_relation_size('people') / 8192)::int AS pages`,
    );
    for (const setting of ['seq_page_cost', 'random_page_cost']) {
      await query(`ALTER DATABASE ${name} SET ${setting} = ${cost / (2 * pages)}`);
    }
    const result = await engine.run([people]);
    expect(result.people).toMatchObject({ total_processed: rows, total_updated: rows });
    const [line] = await engine.ledger<{ pass: number }>('migrations');
    expect(line?.pass).toBe(walks);
  } finally {
    await engine.stop();
  }
});

it('That look is done by one process, however large the table is', async () => {
  const engine = await startEngine();
  try {
    const { query, name } = engine.database;
    await query('CREATE TABLE people (id integer PRIMARY KEY, full_name text)');
    await query(`INSERT INTO people SELECT n FROM generate_series(1, ${rows}) AS n`);
    await query('VACUUM ANALYZE people');
    const settings = { min_parallel_table_scan_size: 0, parallel_setup_cost: 0, cpu_tuple_cost: 10 };
    for (const [setting, value] of Object.entries(settings)) {
      await query(`ALTER DATABASE ${name} SET ${setting} = ${value}`);
    }
    let plan = '';
    engine.between = async (call) => {
      if (call.sql.startsWith('SELECT EXISTS') && call.sql.includes('full_name IS NULL')) {
        // As it is once the statistics say that no row is left, and all of the table has to be read to see it.
        await query('ANALYZE people');
        plan = await planOf(engine, call);
      }
      return undefined;
    };
    expect((await engine.run([people])).people).toMatchObject({ total_updated: rows });
    expect(plan).toContain('Seq Scan on people');
    expect(plan).not.toContain('Parallel');
  } finally {
    await engine.stop();
  }
});
